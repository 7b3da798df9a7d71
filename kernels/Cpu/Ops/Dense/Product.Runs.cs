namespace DistTrain.Kernels;

internal unsafe partial struct Product
{
    private partial struct TilesJob
    {
        // The stack of each tile of the group lies in memory between two runs, in the form in which the tile kernel keeps it.
        private readonly void RunByRuns(int part, int thread)
        {
            var tileFloats = (long)MaxRows * Width;
            var (firstStrip, endStrip) = Range(part / TileParts, StripParts, Strips);
            var (firstTile, endTile) = Range(part % TileParts, TileParts, Tiles);
            var group = Math.Min(Group, endStrip - firstStrip);
            var stacks = tileFloats * StackDepth * group;
            var tileOfA = ((long)TileRuns.ChunkRows * Height + 15) & ~15L;
            var scratch = Device.Scratch(thread, tileFloats + tileOfA * (endTile - firstTile) + (long)TileRuns.ChunkRows * Width * group + stacks * (endTile - firstTile));
            var rowsOfA = scratch + tileFloats;
            var packed = rowsOfA + tileOfA * (endTile - firstTile);
            var call = new TileCall { ARow = 1, AOffsets = AOffsets, BOffsets = BOffsets, RunCount = 1 };
            for (var first = firstStrip; first < endStrip; first += group)
            {
                var strips = Math.Min(group, endStrip - first);
                for (var (run, k, depth) = (0, 0, 0); run < RunCount; run++)
                {
                    call.RunRows = RunRows + run;
                    call.RunMerges = RunMerges + run;
                    PackStrips(first, strips, k, RunRows[run], packed, (long)RunRows[run] * Width);
                    PackTiles(firstTile, endTile, k, RunRows[run], rowsOfA, tileOfA);
                    for (var tile = firstTile; tile < endTile; tile++)
                    {
                        var (row, rows) = (tile * Height, Math.Min(Height, Product.Rows - tile * Height));
                        call.A = rowsOfA + (tile - firstTile) * tileOfA;
                        for (var strip = 0; strip < strips; strip++)
                        {
                            var stack = packed + (long)TileRuns.ChunkRows * Width * group + stacks * (tile - firstTile) + tileFloats * StackDepth * strip;
                            call.B = packed + (long)strip * RunRows[run] * Width;
                            call.Stack = stack + (long)depth * rows * Width;
                            if (run == RunCount - 1)
                            {
                                Store(&call, scratch, (first + strip) * Width, row, rows);
                                continue;
                            }
                            call.C = stack + (long)(depth - RunMerges[run]) * rows * Width;
                            call.CRow = Width;
                            Multiply(rows, Product.Columns - (first + strip) * Width > Lanes ? 2 : 1, &call);
                        }
                    }
                    k += RunRows[run];
                    depth += 1 - RunMerges[run];
                }
            }
        }

        // Rows [firstTile, endTile) of Height each, as [tile][k][Height].
        private readonly void PackTiles(int firstTile, int endTile, int k, int depth, float* to, long tileStep)
        {
            var from = Product.A + k * Product.ADepth;
            var end = Math.Min(endTile * Height, Product.Rows);
            if (Product.ARow == 1 && Height >= 8)
            {
                Panels.Cut(from + firstTile * Height, Product.ADepth, to, tileStep, Height, depth, end - firstTile * Height);
                return;
            }
            for (var row = firstTile * Height; row < end; row += Height, to += tileStep)
            {
                var rows = Math.Min(Height, end - row);
                if (Product.ADepth == 1) Panels.Transpose(from + row * Product.ARow, Product.ARow, to, Height, rows, depth);
                else if (Product.ARow == 1) Panels.Copy(from + row, Product.ADepth, to, Height, depth, rows);
                else
                    for (long i = 0; i < depth; i++)
                        for (long j = 0; j < rows; j++) to[i * Height + j] = from[(row + j) * Product.ARow + i * Product.ADepth];
            }
        }
    }
}
