using DistTrain.Learning;
using static DistTrain.Tests.Learning.Data.DataFiles;

namespace DistTrain.Tests.Learning.Data;

public sealed class Cifar10Tests : IDisposable
{
    private const int RecordBytes = 3073;

    private readonly DataFiles _files = new();
    private readonly Cifar10 _cifar = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Batches_are_read_in_the_order_of_their_numbers_plain_and_gzip()
    {
        _files.Write("data_batch_10.bin", Records(7));
        _files.Write("data_batch_2.bin.gz", Gzip(Records(5, 6)));
        _files.Write("data_batch_1.bin", Records(4));
        _files.Write("data_batch_1.bin.gz", Gzip(Records(9)));
        _files.Write("test_batch.bin.gz", Gzip(Records(8)));
        var (train, test) = _cifar.Open(_files.Folder, 1);
        Assert.Equal([4, 5, 6, 7], Enumerable.Range(0, train.Count).Select(i => Sample(train, i).Target[0]));
        Assert.Equal(new Shape(3, 32, 32), train.InputShape);
        var (input, target) = Sample(test, 0);
        Assert.Equal([8], target);
        Assert.Equal((8 / 255f, 9 / 255f, 10 / 255f), (input[0], input[1024], input[3071]));
        Assert.Equal("cifar10 train: 4 from data_batch_1.bin, data_batch_2.bin.gz, data_batch_10.bin", train.Identity.Description);
    }

    [Fact]
    public void Bad_files_are_refused()
    {
        Assert.Equal($"{_files.Folder} has no training batches (looked for data_batch_*.bin, data_batch_*.bin.gz); no test batch (looked for test_batch.bin, test_batch.bin.gz). Put the files of CIFAR-10's binary version there.", Refusal(_cifar, _files.Folder));
        _files.Write("test_batch.bin", Records(1));
        var path = _files.Write("data_batch_1.bin", []);
        Assert.Equal($"{path} is empty. Fetch or write it again.", Refusal(_cifar, _files.Folder));
        _files.Write("data_batch_1.bin", Records(1, 2)[..^1]);
        Assert.Equal($"{path} holds 6145 bytes. It must hold whole records of 3073 (one label, 3072 pixels), at least one: it is truncated, or not CIFAR-10's binary version; fetch it again.", Refusal(_cifar, _files.Folder));
        _files.Write("data_batch_1.bin", Records(1, 10));
        Assert.Equal($"{path} has label 10 at record 1. Labels must be 0 to 9: it is damaged or not CIFAR-10; fetch it again.", Refusal(_cifar, _files.Folder));
    }

    [Fact]
    public void A_gzip_cut_at_any_byte_is_refused()
    {
        _files.Write("test_batch.bin", Records(1));
        var whole = Gzip(Records(1, 2));
        for (var length = 1; length < whole.Length; length++)
        {
            var path = _files.Write("data_batch_1.bin.gz", whole[..length]);
            Assert.StartsWith($"{path} ", Refusal(_cifar, _files.Folder));
        }
    }

    [Fact]
    public void A_gzip_bomb_is_not_unpacked_beyond_the_limit()
    {
        _files.Write("test_batch.bin", Records(1));
        var path = _files["data_batch_1.bin.gz"];
        using (var gzip = new System.IO.Compression.GZipStream(File.Create(path), System.IO.Compression.CompressionLevel.Fastest))
            for (var written = 0L; written <= 50_000L * RecordBytes; written += 1 << 20) gzip.Write(new byte[1 << 20]);
        Assert.Equal($"{path} holds more than 153650000 bytes. It must not: it is not such a file, or made to fill the memory.", Refusal(_cifar, _files.Folder));
    }

    [DataFact("cifar10-subset")]
    public void The_shared_subset_is_read_whole()
    {
        var split = _cifar.Open(Shared("cifar10-subset")!, 1);
        Assert.Equal(0, split.Train.Count % 10);
        var statistics = ChannelStatistics.Of(split.Train);
        // Known of the whole set: 0.4914, 0.4822, 0.4465 and 0.2470, 0.2435, 0.2616.
        Assert.All(statistics.Mean.Zip([0.4914, 0.4822, 0.4465]), pair => Assert.Equal(pair.Second, pair.First, 0.01));
        Assert.All(statistics.Deviation.Zip([0.2470, 0.2435, 0.2616]), pair => Assert.Equal(pair.Second, pair.First, 0.01));
    }

    // Record of label l: red l, green l + 1, blue l + 2.
    private static byte[] Records(params byte[] labels) =>
        [.. labels.SelectMany(label => new byte[] { label }.Concat(Enumerable.Range(0, 3072).Select(i => (byte)(label + i / 1024))))];
}
