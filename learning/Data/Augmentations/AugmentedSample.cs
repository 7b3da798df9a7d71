namespace DistTrain.Learning;

/// <summary>An image on its way through augmentations, with the map of its pixels' classes where it has one. Memory is kept from sample to sample.</summary>
public sealed class AugmentedSample
{
    private float[] _image = [];
    private float[] _other = [];
    private int[] _classes = [];
    private int[] _otherClasses = [];

    public int Channels { get; private set; }

    public int Height { get; private set; }

    public int Width { get; private set; }

    /// <summary>[C, H, W].</summary>
    public Span<float> Image => _image.AsSpan(0, Channels * Height * Width);

    /// <summary>One channel of the image, [H, W].</summary>
    public Span<float> Plane(int channel) => _image.AsSpan(channel * Height * Width, Height * Width);

    /// <summary>A class for each pixel.</summary>
    public bool HasClasses { get; private set; }

    /// <summary>[H, W], where <see cref="HasClasses"/>.</summary>
    public Span<int> Classes => _classes.AsSpan(0, Height * Width);

    /// <summary>Room for another sample: afterwards Image (and Classes) are to be written.</summary>
    public void Begin(Shape image, bool hasClasses)
    {
        (Channels, Height, Width, HasClasses) = (image[0], image[1], image[2], hasClasses);
        Grow(ref _image, Channels * Height * Width);
        if (hasClasses) Grow(ref _classes, Height * Width);
    }

    /// <summary>Replaces the image by one of another size (or the same) that <paramref name="fill"/> makes of it, and the map of classes likewise.</summary>
    /// <param name="fill">Writes the new image, [C, height, width], from the old one, which the sample still has.</param>
    /// <param name="fillClasses">Writes the new classes from the old ones.</param>
    public void Replace(int height, int width, FillImage fill, FillClasses fillClasses)
    {
        Grow(ref _other, Channels * height * width);
        fill(this, _other.AsSpan(0, Channels * height * width));
        if (HasClasses)
        {
            Grow(ref _otherClasses, height * width);
            fillClasses(this, _otherClasses.AsSpan(0, height * width));
            (_classes, _otherClasses) = (_otherClasses, _classes);
        }
        (_image, _other) = (_other, _image);
        (Height, Width) = (height, width);
    }

    /// <summary>The part of the image that a box covers, in pixels that may be fractions, resized: the image bilinear, classes by the nearest.</summary>
    public void Crop(double top, double left, double boxHeight, double boxWidth, int height, int width) => Replace(height, width,
        (sample, to) => Resampling.Resize(sample.Image, sample.Channels, sample.Height, sample.Width, (top, left, boxHeight, boxWidth), to, height, width),
        (sample, to) => Resampling.Nearest(sample.Classes, sample.Height, sample.Width, (top, left, boxHeight, boxWidth), to, height, width));

    /// <summary>Every pixel from where a linear map about the centre says: source = matrix · (y, x). Outside is black, of class 0.</summary>
    public void Warp(float yy, float yx, float xy, float xx)
    {
        var (cy, cx) = ((Height - 1) * 0.5f, (Width - 1) * 0.5f);
        Replace(Height, Width,
            (sample, to) =>
            {
                for (var c = 0; c < sample.Channels; c++)
                    for (var y = 0; y < sample.Height; y++)
                        for (var x = 0; x < sample.Width; x++)
                            to[(c * sample.Height + y) * sample.Width + x] = Resampling.At(sample.Plane(c), sample.Height, sample.Width, cy + yy * (y - cy) + yx * (x - cx), cx + xy * (y - cy) + xx * (x - cx), 0f);
            },
            (sample, to) =>
            {
                for (var y = 0; y < sample.Height; y++)
                    for (var x = 0; x < sample.Width; x++)
                    {
                        var (sy, sx) = ((int)MathF.Floor(cy + yy * (y - cy) + yx * (x - cx) + 0.5f), (int)MathF.Floor(cx + xy * (y - cy) + xx * (x - cx) + 0.5f));
                        to[y * sample.Width + x] = (uint)sy < (uint)sample.Height && (uint)sx < (uint)sample.Width ? sample.Classes[sy * sample.Width + sx] : 0;
                    }
            });
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = new T[length];
    }
}

/// <summary>Writes a new image from the sample's.</summary>
public delegate void FillImage(AugmentedSample sample, Span<float> image);

/// <summary>Writes new classes from the sample's.</summary>
public delegate void FillClasses(AugmentedSample sample, Span<int> classes);
