namespace DistTrain.Kernels;

/// <summary>Winograd tile by tile in plain loops: the definition where <see cref="Winograd"/>'s rule applies.</summary>
internal sealed unsafe partial class Conv2dReference
{
    /// <summary>target[n, row] = Σ over k of source[n, k] ⋆ kernel[row, k]; kernel (row, k) begins at row·WeightRow + k·WeightDepth.</summary>
    private readonly record struct Correlation(
        int Samples, int Depth, int Rows, int SourceHeight, int SourceWidth, int PadY, int PadX, int Height, int Width, int WeightRow, int WeightDepth, bool Turned);

    private static void CorrelateTiles(in Correlation call, float* source, float* weights, float* bias, Epilogue epilogue, float* target)
    {
        var kernels = new float[(long)call.Rows * call.Depth * Winograd.Elements];
        Span<float> taps = stackalloc float[9], patch = stackalloc float[Winograd.Elements], product = stackalloc float[Winograd.Elements];
        for (var row = 0; row < call.Rows; row++)
            for (var k = 0; k < call.Depth; k++)
            {
                var w = weights + (long)row * call.WeightRow + (long)k * call.WeightDepth;
                for (var i = 0; i < 9; i++) taps[i] = w[call.Turned ? 8 - i : i];
                TransformKernel(taps, kernels.AsSpan((row * call.Depth + k) * Winograd.Elements, Winograd.Elements));
            }
        var patches = new float[call.Depth * Winograd.Elements];
        for (var n = 0; n < call.Samples; n++)
            for (var y = 0; y < Winograd.Tiles(call.Height); y++)
                for (var x = 0; x < Winograd.Tiles(call.Width); x++)
                {
                    for (var k = 0; k < call.Depth; k++)
                    {
                        for (var i = 0; i < Winograd.Elements; i++)
                        {
                            int iy = 2 * y + i / 4 - call.PadY, ix = 2 * x + i % 4 - call.PadX;
                            var inside = (uint)iy < (uint)call.SourceHeight && (uint)ix < (uint)call.SourceWidth;
                            patch[i] = inside ? source[(((long)n * call.Depth + k) * call.SourceHeight + iy) * call.SourceWidth + ix] : 0f;
                        }
                        TransformSource(patch, patches.AsSpan(k * Winograd.Elements, Winograd.Elements));
                    }
                    for (var row = 0; row < call.Rows; row++)
                    {
                        product.Clear();
                        for (var k = 0; k < call.Depth; k++)
                            for (var i = 0; i < Winograd.Elements; i++)
                                product[i] = MathF.FusedMultiplyAdd(kernels[(row * call.Depth + k) * Winograd.Elements + i], patches[k * Winograd.Elements + i], product[i]);
                        Store(call, product, bias == null ? null : bias + row, epilogue, target + ((long)n * call.Rows + row) * call.Height * call.Width, y, x);
                    }
                }
    }

    private static void TransformKernel(ReadOnlySpan<float> g, Span<float> u)
    {
        Span<Lane1> half = stackalloc Lane1[12];
        for (var x = 0; x < 3; x++) Winograd.Weights(new Lane1(g[x]), new Lane1(g[3 + x]), new Lane1(g[6 + x]), out half[x], out half[3 + x], out half[6 + x], out half[9 + x]);
        for (var y = 0; y < 4; y++)
        {
            Winograd.Weights(half[3 * y], half[3 * y + 1], half[3 * y + 2], out var a, out var b, out var c, out var d);
            (u[4 * y], u[4 * y + 1], u[4 * y + 2], u[4 * y + 3]) = (a.Value, b.Value, c.Value, d.Value);
        }
    }

    private static void TransformSource(ReadOnlySpan<float> d, Span<float> v)
    {
        Span<Lane1> half = stackalloc Lane1[16];
        for (var x = 0; x < 4; x++) Winograd.Source(new Lane1(d[x]), new Lane1(d[4 + x]), new Lane1(d[8 + x]), new Lane1(d[12 + x]), out half[x], out half[4 + x], out half[8 + x], out half[12 + x]);
        for (var y = 0; y < 4; y++)
        {
            Winograd.Source(half[4 * y], half[4 * y + 1], half[4 * y + 2], half[4 * y + 3], out var a, out var b, out var c, out var e);
            (v[4 * y], v[4 * y + 1], v[4 * y + 2], v[4 * y + 3]) = (a.Value, b.Value, c.Value, e.Value);
        }
    }

    private static void Store(in Correlation call, ReadOnlySpan<float> m, float* bias, Epilogue epilogue, float* plane, int tileY, int tileX)
    {
        Span<Lane1> half = stackalloc Lane1[8];
        for (var y = 0; y < 4; y++) Winograd.Target(new Lane1(m[4 * y]), new Lane1(m[4 * y + 1]), new Lane1(m[4 * y + 2]), new Lane1(m[4 * y + 3]), out half[y], out half[4 + y]);
        for (var x = 0; x < 2; x++)
        {
            Winograd.Target(half[4 * x], half[4 * x + 1], half[4 * x + 2], half[4 * x + 3], out var upper, out var lower);
            for (var y = 0; y < 2; y++)
            {
                var value = y == 0 ? upper.Value : lower.Value;
                if (bias != null) value += *bias;
                if (epilogue == Epilogue.Relu && value < 0f) value = 0f;
                if (2 * tileY + y < call.Height && 2 * tileX + x < call.Width) plane[(long)(2 * tileY + y) * call.Width + 2 * tileX + x] = value;
            }
        }
    }
}
