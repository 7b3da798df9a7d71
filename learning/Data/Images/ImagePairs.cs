using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Images with a class for each pixel, for segmentation: FOLDER/images/NAME.png and FOLDER/masks/NAME.png of the same size. A mask is grey (its value is the class), or RGB with a colour for each
/// class; pixels of any other colour are of class 0. Input [channels, height, width], target [height, width].
/// </summary>
[Named("imagePairs")]
public sealed class ImagePairs(ImagePairs.Options options) : DatasetFormat
{
    /// <param name="Classes">Classes; of a grey mask every value must be below it. Not given: as many as there are colours.</param>
    /// <param name="Size">Height and width that images (bilinear) and masks (nearest) are resized to.</param>
    /// <param name="Channels">1 (grey) or 3 (RGB).</param>
    /// <param name="TestFraction">The share that becomes the test set, drawn by the seed.</param>
    public sealed record Options(
        [property: Range(0, 256)] int Classes = 0,
        [property: Range(1, 1 << 14)] Pair? Size = null,
        [property: Range(1, 3)] int Channels = 3,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)] double TestFraction = 0.1)
    {
        /// <summary>Colours of the classes in order, as red, green and blue in hexadecimal: ["000000", "800000"].</summary>
        public IReadOnlyList<string> Colors { get; init; } = [];
    }

    public override Pair? ImageSize => options.Size;

    public override DataSplit Open(string path, ulong seed)
    {
        _ = new DataFolder("imagePairs", path);
        var map = options.Colors.Count > 0 ? new ClassColors(options.Colors) : null;
        var classes = options.Classes > 0 ? options.Classes : map?.Count ?? 0;
        if (classes < 2) throw new DatasetException("the option classes of imagePairs is 0 and no colors are given. Set classes (grey masks), or colors, one for each class.");
        if (options.Channels == 2) throw new DatasetException("the option channels of imagePairs is 2. It must be 1 (grey) or 3 (RGB).");
        var (images, masks) = (Path.Combine(path, "images"), Path.Combine(path, "masks"));
        foreach (var folder in (string[])[images, masks])
            if (!Directory.Exists(folder)) throw new DatasetException($"{path} has no folder {Path.GetFileName(folder)}. It must have images and masks, with PNG files of the same names.");
        var names = ImageFiles.In(images).Select(f => Path.GetFileName(f)!).ToList();
        var lacking = names.Where(name => !File.Exists(Path.Combine(masks, name))).ToList();
        if (lacking.Count > 0) throw new DatasetException($"{masks} lacks {lacking.Count} of the {names.Count} masks, such as {lacking[0]}. Every image must have one of its name.");
        if (names.Count < 2) throw new DatasetException($"{images} has {names.Count} PNG images. It must have at least 2, one to train on and one to test.");
        var (order, tests) = (new KeyedPermutation(seed, 0, names.Count), Math.Clamp((int)(names.Count * options.TestFraction), 1, names.Count - 1));
        var drawn = Enumerable.Range(0, tests).Select(i => (int)order[i]).ToHashSet();
        return new(Load("train", path, [.. names.Where((_, i) => !drawn.Contains(i))], classes, map), Load("test", path, [.. names.Where((_, i) => drawn.Contains(i))], classes, map));
    }

    private PixelClasses Load(string name, string path, List<string> names, int classes, ClassColors? map)
    {
        using var source = new SourceBytes();
        var samples = new List<(byte[] Planes, byte[] Classes)>();
        Pair? size = options.Size;
        foreach (var file in names)
        {
            source.Add(Encoding.UTF8.GetBytes($"{file}\n"));
            var (image, mask) = (ImageFiles.Read(Path.Combine(path, "images", file), source), ImageFiles.Read(Path.Combine(path, "masks", file), source));
            if ((image.Height, image.Width) != (mask.Height, mask.Width)) throw new DatasetException($"{file} is {image.Height} x {image.Width} pixels and its mask {mask.Height} x {mask.Width}. They must be equal.");
            size ??= new Pair(image.Height, image.Width);
            if (options.Size is null && (image.Height, image.Width) != (size.Value.Y, size.Value.X))
                throw new DatasetException($"{file} is {image.Height} x {image.Width} pixels, and the first image {size.Value.Y} x {size.Value.X}. All must be equal: set the option size of imagePairs.");
            var planes = new byte[options.Channels * size.Value.Y * size.Value.X];
            ImageFiles.Resized(image, options.Channels, size.Value, planes);
            samples.Add((planes, ClassesOf(file, mask, size.Value, classes, map)));
        }
        return new PixelClasses(new(options.Channels, size!.Value.Y, size.Value.X), samples, classes, source.Identity(string.Create(CultureInfo.InvariantCulture, $"imagePairs {name}: {names.Count} of {classes} classes, {size.Value.Y} x {size.Value.X}")));
    }

    private static byte[] ClassesOf(string file, Picture mask, Pair size, int classes, ClassColors? map)
    {
        var of = new int[mask.Width * mask.Height];
        for (var i = 0; i < of.Length; i++)
        {
            var pixel = mask.Values.Slice(i * mask.Channels, mask.Channels);
            of[i] = map is null ? pixel[0] : map.ClassOf(pixel[0], pixel[mask.Channels >= 3 ? 1 : 0], pixel[mask.Channels >= 3 ? 2 : 0]);
            if (of[i] >= classes) throw new DatasetException($"the mask {file} has class {of[i]} at pixel {i}. Classes must be 0 to {classes - 1}: raise the option classes, or list colors for an RGB mask.");
        }
        var resized = new int[size.Y * size.X];
        Resampling.Nearest(of, mask.Height, mask.Width, (0, 0, mask.Height, mask.Width), resized, size.Y, size.X);
        return Array.ConvertAll(resized, c => (byte)c);
    }
}
