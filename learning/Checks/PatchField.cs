namespace DistTrain.Learning;

/// <summary>Which pixels an element of a layer's output looks at: pixels [stride·y - before, + size) of rows, and columns alike.</summary>
internal sealed class PatchField
{
    private readonly int _stride = 1;
    private readonly int _before;

    /// <param name="place">In <see cref="Network.Sequence"/>; every layer up to it takes and gives images.</param>
    public PatchField(Network network, int place)
    {
        var fields = ReceptiveFields.Of(network);
        Size = 1;
        foreach (var (path, _, input, output) in network.Sequence.Take(place + 1))
        {
            if (input.Rank != 3 || output.Rank != 3) continue;
            var size = fields.TryGetValue(path, out var field) ? Math.Max(field[0], field[1]) : Size;
            var reach = (size - Size) / _stride + 1; // of this layer, in its input's elements
            var stride = Math.Max(1, (int)Math.Round((double)input[1] / output[1]));
            // The least padding with which so many windows fit.
            var padding = Math.Max(0, ((output[1] - 1) * stride + reach - input[1] + 1) / 2);
            (_before, _stride, Size) = (_before + padding * _stride, _stride * stride, size);
        }
    }

    /// <summary>Rows and columns.</summary>
    public int Size { get; }

    /// <summary>Upper left pixel of a patch [h, w] around an activation's, moved into the image.</summary>
    public (int Top, int Left) Corner(Activation at, Shape image, int h, int w) =>
        (Math.Clamp(at.Y * _stride - _before, 0, image[1] - h), Math.Clamp(at.X * _stride - _before, 0, image[2] - w));
}

/// <summary>Colour tiles on a dark sheet: groups below each other, each of lines of tiles.</summary>
internal sealed class TileSheet
{
    private const int Gap = 2;

    private readonly (int Columns, int Lines, int H, int W, int Scale) _grid;
    private readonly byte[] _pixels;
    private readonly int _width;

    public TileSheet(int groups, int columns, int lines, int h, int w, int scale)
    {
        _grid = (columns, lines, h, w, scale);
        _width = columns * (w * scale + Gap) + 3 * Gap;
        Height = groups * (lines * (h * scale + Gap) + 3 * Gap);
        _pixels = new byte[3 * _width * Height];
        _pixels.AsSpan().Fill(32);
    }

    private int Height { get; }

    public Picture Picture => new(_width, Height, 3, _pixels);

    /// <param name="tile">[h, w, 3].</param>
    public void Put(int group, int line, int column, byte[] tile)
    {
        var (columns, lines, h, w, scale) = _grid;
        var top = group * (lines * (h * scale + Gap) + 3 * Gap) + line * (h * scale + Gap) + Gap;
        var left = column * (w * scale + Gap) + Gap + (column >= columns / 2 ? 2 * Gap : 0);
        for (var y = 0; y < h * scale; y++)
            for (var x = 0; x < w * scale; x++)
                tile.AsSpan((y / scale * w + x / scale) * 3, 3).CopyTo(_pixels.AsSpan(3 * ((top + y) * _width + left + x), 3));
    }
}
