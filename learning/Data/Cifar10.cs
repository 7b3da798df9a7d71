namespace DistTrain.Learning;

/// <summary>
/// CIFAR-10's binary version: a folder with data_batch_*.bin and test_batch.bin, plain or gzip; input [3, 32, 32] (red, green, blue).
/// A record is one label byte and 3072 pixel bytes. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html
/// </summary>
[Named("cifar10")]
public sealed class Cifar10 : DatasetFormat
{
    public const int Classes = 10;

    private const int Side = 32;
    private const int PixelBytes = 3 * Side * Side;
    private const int RecordBytes = 1 + PixelBytes;

    // All training records in one file.
    private const int MostFileBytes = 50_000 * RecordBytes;

    public override DataSplit Open(string path, ulong seed)
    {
        var folder = new DataFolder("cifar10", path);
        var train = folder.FindAll("training batches", "data_batch_*.bin");
        var test = folder.Find("test batch", "test_batch.bin");
        folder.Check("Put the files of CIFAR-10's binary version there.");
        return new(Load("train", train), Load("test", [test]));
    }

    private static ByteImages Load(string name, IReadOnlyList<string> paths)
    {
        using var source = new SourceBytes();
        var batches = paths.Select(path => ReadFile(path, source)).ToList();
        var total = batches.Sum(batch => (long)batch.Length / RecordBytes);
        if (total * PixelBytes > Array.MaxLength)
            throw new DatasetException($"{string.Join(", ", paths)} hold {total} records. At most {Array.MaxLength / PixelBytes} are read into memory: take some files away.");
        var (pixels, labels) = (new byte[total * PixelBytes], new int[total]);
        var sample = 0;
        for (var i = 0; i < batches.Count; i++)
            for (var at = 0; at < batches[i].Length; at += RecordBytes, sample++)
            {
                labels[sample] = batches[i][at];
                if (labels[sample] >= Classes)
                    throw new DatasetException($"{paths[i]} has label {labels[sample]} at record {at / RecordBytes}. Labels must be 0 to {Classes - 1}: it is damaged or not CIFAR-10; fetch it again.");
                batches[i].AsSpan(at + 1, PixelBytes).CopyTo(pixels.AsSpan(sample * PixelBytes));
            }
        return new(new(3, Side, Side), pixels, labels, Classes, source.Identity($"cifar10 {name}: {total} from {string.Join(", ", paths.Select(path => Path.GetFileName(path)))}"));
    }

    private static byte[] ReadFile(string path, SourceBytes source)
    {
        using var file = SourceFile.Open(path, source);
        var bytes = file.TakeAll(MostFileBytes);
        if (bytes.Length == 0 || bytes.Length % RecordBytes != 0)
            throw new DatasetException($"{path} holds {bytes.Length} bytes{(file.IsCompressed ? " unpacked" : "")}. It must hold whole records of {RecordBytes} (one label, {PixelBytes} pixels), at least one: it is truncated, or not CIFAR-10's binary version; fetch it again.");
        file.Finish("its last record");
        return bytes;
    }
}
