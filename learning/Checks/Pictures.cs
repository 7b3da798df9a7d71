using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Pictures of what a network has learned: filters of convolutions, and what its layers make of an image.</summary>
public static class Pictures
{
    private const int Gap = 1;

    // Pixels of a tile's larger side, and of bars.
    private const int LeastTile = 48;
    private const int MostBars = 128;
    private const int BarHeight = 120;

    /// <summary>Every convolution's weights as tiles, one for each output channel (row) and input channel (column); filters of three channels in colour. Grey 128 is 0, the largest weight of the layer is black or white.</summary>
    /// <param name="weights">The flat vector.</param>
    /// <param name="scale">Pixels of a weight.</param>
    public static IEnumerable<(string Layer, Picture Picture)> Filters(Network network, ReadOnlyMemory<float> weights, int scale = 8)
    {
        foreach (var parameter in network.Parameters.Where(p => p.Kind == SliceKind.Parameter && p.Shape.Rank == 4 && p.Shape[2] * p.Shape[3] > 1))
        {
            var (o, c, h, w) = (parameter.Shape[0], parameter.Shape[1], parameter.Shape[2], parameter.Shape[3]);
            var values = weights.Slice(parameter.Slice.Offset, parameter.Slice.Length).Span;
            var most = 0f;
            foreach (var value in values) most = MathF.Max(most, MathF.Abs(value));
            var planes = new float[values.Length];
            for (var i = 0; i < planes.Length; i++) planes[i] = most > 0 ? 0.5f + 0.5f * values[i] / most : 0.5f;
            yield return (parameter.Name[..Math.Max(0, parameter.Name.LastIndexOf('.'))], c == 3 ? Coloured(planes, o, h, w, scale) : Grey(planes, o, c, h, w, scale));
        }
    }

    /// <summary>
    /// What each layer gives for one sample: channels of [C, H, W] as tiles, each from its least (black) to its largest value (white), [T, D] as one; [D] of up to 128 units as bars up and down from a line at zero,
    /// of more as a square of cells.
    /// </summary>
    public static IEnumerable<(string Layer, Picture Picture)> FeatureMaps(Network network, ReadOnlySpan<float> input, ReadOnlySpan<float> weights, int scale = 4)
    {
        using var device = new CpuDevice(1);
        using var view = new LayerView(network, device);
        using var buffer = device.Allocate(weights.Length);
        buffer.Write(0, weights);
        var found = new List<(string, Picture)>();
        view.Look(input, 1, buffer.View, (path, _, shape, values) =>
        {
            if (shape.Rank is not (1 or 2 or 3) || shape.Length == 0) return;
            if (shape.Rank == 1 && shape[0] <= MostBars)
            {
                found.Add((path, Bars(values)));
                return;
            }
            var side = (int)Math.Ceiling(Math.Sqrt(shape.Length));
            var (c, h, w) = shape.Rank == 3 ? (shape[0], shape[1], shape[2]) : shape.Rank == 2 ? (1, shape[0], shape[1]) : (1, (shape[0] + side - 1) / side, side);
            var planes = new float[c * h * w];
            for (var k = 0; k < c; k++)
            {
                var plane = values.Slice(k * h * w, Math.Min(h * w, values.Length)); // cells of a square that are not there stay black
                float least = plane[0], most = plane[0];
                foreach (var value in plane) (least, most) = (MathF.Min(least, value), MathF.Max(most, value));
                for (var i = 0; i < plane.Length; i++) planes[k * h * w + i] = most > least ? (plane[i] - least) / (most - least) : 0f;
            }
            var columns = (int)Math.Ceiling(Math.Sqrt(c));
            found.Add((path, Grey(planes, (c + columns - 1) / columns, columns, h, w, Math.Max(scale, (LeastTile + Math.Max(h, w) - 1) / Math.Max(h, w)))));
        });
        return found;
    }

    // Tiles [rows·columns, h, w] with a line between them; tiles that are not there stay black.
    private static Picture Grey(float[] planes, int rows, int columns, int h, int w, int scale)
    {
        var (height, width) = (rows * (h * scale + Gap) - Gap, columns * (w * scale + Gap) - Gap);
        var pixels = new byte[height * width];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
            {
                var (row, ty) = (y / (h * scale + Gap), y % (h * scale + Gap));
                var (column, tx) = (x / (w * scale + Gap), x % (w * scale + Gap));
                var at = ((row * columns + column) * h + ty / scale) * w + tx / scale;
                if (ty < h * scale && tx < w * scale && (row * columns + column + 1) * h * w <= planes.Length) pixels[y * width + x] = (byte)Math.Clamp((int)(planes[at] * 255f + 0.5f), 0, 255);
            }
        return new Picture(width, height, 1, pixels);
    }

    private static Picture Bars(ReadOnlySpan<float> values)
    {
        float least = 0, most = 0;
        foreach (var value in values) (least, most) = (MathF.Min(least, value), MathF.Max(most, value));
        if (!(most > least)) most = least + 1;
        var bar = Math.Clamp(960 / values.Length - Gap, 4, 24);
        var (width, zero) = (values.Length * (bar + Gap), (int)MathF.Round(most / (most - least) * (BarHeight - 1)));
        var pixels = new byte[width * BarHeight];
        for (var x = 0; x < width; x++)
        {
            var end = (int)MathF.Round((most - values[x / (bar + Gap)]) / (most - least) * (BarHeight - 1));
            for (var y = Math.Min(zero, end); y <= Math.Max(zero, end) && x % (bar + Gap) < bar; y++) pixels[y * width + x] = (byte)(end <= zero ? 255 : 160);
            pixels[zero * width + x] = 96;
        }
        return new Picture(width, BarHeight, 1, pixels);
    }

    private static Picture Coloured(float[] planes, int filters, int h, int w, int scale)
    {
        var columns = (int)Math.Ceiling(Math.Sqrt(filters));
        var rows = (filters + columns - 1) / columns;
        var channels = Enumerable.Range(0, 3).Select(k =>
        {
            var of = new float[filters * h * w];
            for (var f = 0; f < filters; f++) planes.AsSpan((f * 3 + k) * h * w, h * w).CopyTo(of.AsSpan(f * h * w));
            return Grey(of, rows, columns, h, w, scale);
        }).ToArray();
        var pixels = new byte[3 * channels[0].Values.Length];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = channels[i % 3].Values[i / 3];
        return new Picture(channels[0].Width, channels[0].Height, 3, pixels);
    }
}
