namespace DistTrain.Learning;

/// <summary>
/// Bilinear resampling of planes. Output pixel (y, x) is centred at ((y + 1/2)·h/H - 1/2, (x + 1/2)·w/W - 1/2) of the source, as PyTorch's align_corners=False; what lies beyond an edge does not count. Where it shrinks, the
/// weights widen to the tent of that many source pixels (antialias), so that no pixel is skipped.
/// </summary>
public static class Resampling
{
    /// <param name="source">[channels, height, width].</param>
    /// <param name="box">The part of the source that fills the result: top, left, height, width in pixels.</param>
    /// <param name="target">[channels, toHeight, toWidth]; overwritten.</param>
    public static void Resize(ReadOnlySpan<float> source, int channels, int height, int width, (double Top, double Left, double Height, double Width) box, Span<float> target, int toHeight, int toWidth)
    {
        var (rows, columns) = (Weights(box.Top, box.Height, height, toHeight), Weights(box.Left, box.Width, width, toWidth));
        var between = new float[height * toWidth];
        for (var c = 0; c < channels; c++)
        {
            var from = source.Slice(c * height * width, height * width);
            var to = target.Slice(c * toHeight * toWidth, toHeight * toWidth);
            for (var y = 0; y < height; y++)
                for (var x = 0; x < toWidth; x++) between[y * toWidth + x] = Sum(from[(y * width)..], 1, columns[x]);
            for (var y = 0; y < toHeight; y++)
                for (var x = 0; x < toWidth; x++) to[y * toWidth + x] = Sum(between.AsSpan(x), toWidth, rows[y]);
        }
    }

    /// <summary>Nearest neighbour, for maps of classes, whose numbers must not be mixed.</summary>
    public static void Nearest(ReadOnlySpan<int> source, int height, int width, (double Top, double Left, double Height, double Width) box, Span<int> target, int toHeight, int toWidth)
    {
        for (var y = 0; y < toHeight; y++)
            for (var x = 0; x < toWidth; x++)
                target[y * toWidth + x] = source[At(box.Top, box.Height, height, y, toHeight) * width + At(box.Left, box.Width, width, x, toWidth)];

        static int At(double start, double extent, int length, int i, int count) => Math.Clamp((int)Math.Floor(start + (i + 0.5) * extent / count), 0, length - 1);
    }

    /// <summary>The value at a point between pixels, whose centres are whole numbers; outside the edge it is <paramref name="outside"/>.</summary>
    public static float At(ReadOnlySpan<float> plane, int height, int width, float y, float x, float outside)
    {
        var (top, left) = ((int)MathF.Floor(y), (int)MathF.Floor(x));
        var (fy, fx) = (y - top, x - left);
        var (a, b) = (Pixel(plane, top, left), Pixel(plane, top, left + 1));
        var (c, d) = (Pixel(plane, top + 1, left), Pixel(plane, top + 1, left + 1));
        var (upper, lower) = (MathF.FusedMultiplyAdd(fx, b - a, a), MathF.FusedMultiplyAdd(fx, d - c, c));
        return MathF.FusedMultiplyAdd(fy, lower - upper, upper);

        float Pixel(ReadOnlySpan<float> plane, int py, int px) => (uint)py < (uint)height && (uint)px < (uint)width ? plane[py * width + px] : outside;
    }

    private static float Sum(ReadOnlySpan<float> values, int stride, (int First, float[] Weights) of)
    {
        var sum = 0f;
        for (var i = 0; i < of.Weights.Length; i++) sum = MathF.FusedMultiplyAdd(of.Weights[i], values[(of.First + i) * stride], sum);
        return sum;
    }

    private static (int First, float[] Weights)[] Weights(double start, double extent, int length, int count)
    {
        var (scale, all) = (extent / count, new (int, float[])[count]);
        var reach = Math.Max(1.0, scale);
        for (var i = 0; i < count; i++)
        {
            var centre = start + (i + 0.5) * scale - 0.5;
            var (first, last) = (Math.Clamp((int)Math.Floor(centre - reach) + 1, 0, length - 1), Math.Clamp((int)Math.Ceiling(centre + reach) - 1, 0, length - 1));
            var weights = new double[last - first + 1];
            var sum = 0.0;
            for (var at = first; at <= last; at++) sum += weights[at - first] = Math.Max(0.0, 1.0 - Math.Abs(at - centre) / reach);
            all[i] = (first, [.. weights.Select(w => (float)(w / sum))]);
        }
        return all;
    }
}
