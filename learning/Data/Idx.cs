using System.Buffers.Binary;
using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// MNIST and its kin: a folder with train- and t10k-images-idx3-ubyte and -labels-idx1-ubyte (also written .idx3-ubyte), plain or gzip; input [1, height, width].
/// IDX: 00 00 08 axes, one big-endian uint32 an axis, the bytes. http://yann.lecun.com/exdb/mnist
/// </summary>
[Named("idx")]
public sealed class Idx(Idx.Options options) : DatasetFormat
{
    /// <param name="Classes">Every label must be in [0, classes).</param>
    public sealed record Options([property: Range(2, 256)] int Classes = 10);

    public override DataSplit Open(string path, ulong seed)
    {
        var folder = new DataFolder("idx", path);
        var trainImages = folder.Find("training images", "train-images-idx3-ubyte", "train-images.idx3-ubyte");
        var trainLabels = folder.Find("training labels", "train-labels-idx1-ubyte", "train-labels.idx1-ubyte");
        var testImages = folder.Find("test images", "t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte");
        var testLabels = folder.Find("test labels", "t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte");
        folder.Check("Put the four files of MNIST there; `disttrain data get mnist` fetches them.");
        var train = Load("train", trainImages, trainLabels);
        var test = Load("test", testImages, testLabels);
        if (train.InputShape != test.InputShape)
            throw new DatasetException($"{trainImages} has images of {train.InputShape}, {testImages} of {test.InputShape}. They must be equal: the files are of two different sets.");
        return new(train, test);
    }

    private ByteImages Load(string name, string imagesPath, string labelsPath)
    {
        using var source = new SourceBytes();
        var (images, axes) = ReadFile(imagesPath, 3, source);
        var (labels, _) = ReadFile(labelsPath, 1, source);
        if (axes[0] != labels.Length)
            throw new DatasetException($"{imagesPath} has {axes[0]} images and {labelsPath} {labels.Length} labels. They must be equal: the files are of two different sets.");
        for (var i = 0; i < labels.Length; i++)
            if (labels[i] >= options.Classes)
                throw new DatasetException($"{labelsPath} has label {labels[i]} at sample {i}. Labels must be 0 to {options.Classes - 1}: raise the option classes of idx, or fetch the file again.");
        var identity = source.Identity($"idx {name}: {axes[0]} from {System.IO.Path.GetFileName(imagesPath)} and {System.IO.Path.GetFileName(labelsPath)}");
        return new(new(1, axes[1], axes[2]), images, Array.ConvertAll(labels, label => (int)label), options.Classes, identity);
    }

    private static (byte[] Elements, int[] Axes) ReadFile(string path, int rank, SourceBytes source)
    {
        using var file = SourceFile.Open(path, source);
        var magic = file.Take(4, "IDX header");
        if (magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] != rank)
        {
            var swapped = magic is [0, 0, 8, 1 or 3] ? " Images and labels are mistaken for each other." : " It is damaged or another format.";
            throw new DatasetException($"{path} begins with {Convert.ToHexString(magic)}. It must begin with 0000080{rank} (IDX, unsigned bytes, {rank} {(rank == 1 ? "axis" : "axes")}).{swapped}");
        }
        var header = file.Take(4 * rank, "IDX header");
        var axes = new int[rank];
        UInt128 elements = 1;
        var described = new List<string>();
        for (var axis = 0; axis < rank; axis++)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4 * axis));
            elements *= length;
            described.Add($"{length}");
            axes[axis] = (int)Math.Min(length, int.MaxValue);
        }
        var shape = $"[{string.Join(", ", described)}]";
        if (elements == 0) throw new DatasetException($"{path} announces {shape}, no samples at all. It must hold at least one; fetch it again.");
        var (size, left) = ((long)UInt128.Min(elements, long.MaxValue), file.MostBytes - 4 - 4 * rank);
        if (size > left)
            throw new DatasetException($"{path} announces {shape}, {elements} bytes, but {(file.IsCompressed ? $"can unpack to {left} at most" : $"{left} follow")}. It is truncated or damaged; fetch it again.");
        if (size > Array.MaxLength)
            throw new DatasetException($"{path} announces {shape}, {elements} bytes. At most {Array.MaxLength} are read into memory: split the file.");
        var bytes = file.Take((int)size, shape);
        file.Finish($"the {size} bytes of {shape}");
        return (bytes, axes);
    }
}
