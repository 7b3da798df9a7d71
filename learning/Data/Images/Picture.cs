namespace DistTrain.Learning;

/// <summary>An image as bytes, [height, width, channels]: grey, grey with alpha, RGB or RGBA.</summary>
public sealed class Picture
{
    private readonly byte[] _values;

    /// <param name="values">Kept, not copied.</param>
    public Picture(int width, int height, int channels, byte[] values)
    {
        if (channels is < 1 or > 4 || (long)width * height * channels != values.Length)
            throw new ArgumentException($"a picture of {width} x {height} with {channels} channels is {(long)width * height * channels} bytes; {values.Length} are given.", nameof(values));
        (Width, Height, Channels, _values) = (width, height, channels, values);
    }

    public int Width { get; }

    public int Height { get; }

    public int Channels { get; }

    public ReadOnlySpan<byte> Values => _values;

    public ReadOnlySpan<byte> Row(int y) => _values.AsSpan(y * Width * Channels, Width * Channels);

    /// <summary>The picture as planes [channels, height, width]: 1 (grey: Rec. 601 luma, 0.299 R + 0.587 G + 0.114 B, rounded) or 3. Where it has alpha it lies on black.</summary>
    public byte[] Planes(int channels)
    {
        var (pixels, planes) = (Width * Height, new byte[channels * Width * Height]);
        var (colours, alpha) = (Channels >= 3 ? 3 : 1, Channels is 2 or 4);
        for (var i = 0; i < pixels; i++)
        {
            var pixel = _values.AsSpan(i * Channels, Channels);
            var opacity = alpha ? pixel[^1] : 255;
            for (var c = 0; c < channels; c++)
            {
                var value = channels == colours ? pixel[c] : colours == 1 ? pixel[0] : (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000;
                planes[c * pixels + i] = (byte)((value * opacity + 127) / 255);
            }
        }
        return planes;
    }

    /// <summary>The same planes in another size: bilinear, antialiased where it shrinks, rounded to bytes.</summary>
    public byte[] Planes(int channels, Pair size)
    {
        var planes = new byte[channels * size.Y * size.X];
        ImageFiles.Resized(this, channels, size, planes);
        return planes;
    }
}
