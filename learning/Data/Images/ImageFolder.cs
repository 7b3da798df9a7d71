using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// PNG images in a folder for each class, whose name is the class's: FOLDER/train/CLASS/*.png and FOLDER/test/CLASS/*.png, or FOLDER/CLASS/*.png, of which a share of each class drawn by the seed is
/// the test set. Classes and files in ordinal order of their names; input [channels, height, width].
/// </summary>
[Named("images")]
public sealed class ImageFolder(ImageFolder.Options options) : DatasetFormat
{
    private static readonly string[] _trains = ["train"];
    private static readonly string[] _tests = ["test", "val", "validation"];

    /// <param name="Size">Height and width that every image is resized to (bilinear, antialiased); not given: all must be as large as the first.</param>
    /// <param name="Channels">1 (grey) or 3 (RGB). What is transparent lies on black.</param>
    /// <param name="TestFraction">The share of each class that becomes the test set, where there is no folder for it.</param>
    public sealed record Options(
        [property: Range(1, 1 << 14)] Pair? Size = null,
        [property: Range(1, 3)] int Channels = 3,
        [property: Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)] double TestFraction = 0.1);

    public override Pair? ImageSize => options.Size;

    public override DataSplit Open(string path, ulong seed)
    {
        _ = new DataFolder("images", path);
        if (options.Channels == 2) throw new DatasetException("the option channels of images is 2. It must be 1 (grey) or 3 (RGB).");
        var (train, test) = (Part(path, _trains), Part(path, _tests));
        if (train is null && test is not null) throw new DatasetException($"{path} has the folder {Path.GetFileName(test)} and no folder train. Put the training images into {Path.Combine(path, "train")}, a folder for each class.");
        var classes = Classes(train ?? path);
        var all = Files(train ?? path, classes);
        if (test is not null)
        {
            var unknown = Classes(test).Except(classes, StringComparer.Ordinal).ToList();
            if (unknown.Count > 0) throw new DatasetException($"{test} has the class {unknown[0]}, which {train} lacks. It must have {string.Join(", ", classes)}.");
            var size = SizeOf(all);
            return new(Load("train", all, classes, size), Load("test", Files(test, classes), classes, size));
        }
        var (kept, drawn) = Split(all, classes, seed);
        var common = SizeOf(all);
        return new(Load("train", kept, classes, common), Load("test", drawn, classes, common));
    }

    private static string? Part(string path, string[] names) => names.Select(name => Path.Combine(path, name)).FirstOrDefault(Directory.Exists);

    private static List<string> Classes(string folder)
    {
        var classes = Directory.GetDirectories(folder).Select(f => Path.GetFileName(f)!).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal).ToList();
        return classes.Count >= 2 ? classes : throw new DatasetException($"{folder} has {classes.Count} folder{(classes.Count == 1 ? "" : "s")}. It must have one for each class, at least two, with PNG images inside.");
    }

    private static List<(string File, int Label)> Files(string folder, List<string> classes)
    {
        var files = new List<(string, int)>();
        for (var label = 0; label < classes.Count; label++)
        {
            var place = Path.Combine(folder, classes[label]);
            if (!Directory.Exists(place)) continue;
            var found = ImageFiles.In(place);
            if (found.Count == 0) throw new DatasetException($"{place} has no PNG image. A class must have at least one; remove the folder, or put its images there.");
            files.AddRange(found.Select(file => (file, label)));
        }
        return files;
    }

    private (List<(string, int)> Train, List<(string, int)> Test) Split(List<(string File, int Label)> all, List<string> classes, ulong seed)
    {
        var (train, test) = (new List<(string, int)>(), new List<(string, int)>());
        foreach (var of in all.GroupBy(f => f.Label))
        {
            var files = of.ToList();
            if (files.Count < 2) throw new DatasetException($"the class {classes[of.Key]} has 1 image. It must have at least 2, one to train on and one to test; or put test images into a folder test.");
            var (order, tests) = (new KeyedPermutation(seed, (ulong)of.Key, files.Count), Math.Clamp((int)(files.Count * options.TestFraction), 1, files.Count - 1));
            var drawn = Enumerable.Range(0, tests).Select(i => (int)order[i]).ToHashSet();
            for (var i = 0; i < files.Count; i++) (drawn.Contains(i) ? test : train).Add(files[i]);
        }
        return (train, test);
    }

    private Pair? SizeOf(List<(string File, int Label)> files)
    {
        if (options.Size is not null) return options.Size;
        var first = PngFile.Read(files[0].File, File.ReadAllBytes(files[0].File));
        return new Pair(first.Height, first.Width);
    }

    private ByteImages Load(string name, List<(string File, int Label)> files, List<string> classes, Pair? common)
    {
        var size = common!.Value;
        var length = options.Channels * size.Y * size.X;
        if ((long)files.Count * length > Array.MaxLength)
            throw new DatasetException($"{files.Count} images of {options.Channels} x {size.Y} x {size.X} are {(long)files.Count * length} bytes. At most {Array.MaxLength} are read into memory: use a smaller size, or fewer images.");
        using var source = new SourceBytes();
        var (pixels, labels) = (new byte[files.Count * length], new int[files.Count]);
        for (var i = 0; i < files.Count; i++)
        {
            var (file, label) = files[i];
            source.Add(Encoding.UTF8.GetBytes($"{classes[label]}/{Path.GetFileName(file)}\n"));
            var picture = ImageFiles.Read(file, source);
            if (options.Size is null && (picture.Height, picture.Width) != (size.Y, size.X))
                throw new DatasetException($"{file} is {picture.Height} x {picture.Width} pixels, and the first image {size.Y} x {size.X}. All must be equal: set the option size of images, and they are resized to it.");
            ImageFiles.Resized(picture, options.Channels, size, pixels.AsSpan(i * length, length));
            labels[i] = label;
        }
        var identity = source.Identity(string.Create(CultureInfo.InvariantCulture, $"images {name}: {files.Count} of {classes.Count} classes, {size.Y} x {size.X}"));
        return new ByteImages(new(options.Channels, size.Y, size.X), pixels, labels, classes.Count, identity) { ClassNames = classes };
    }
}
