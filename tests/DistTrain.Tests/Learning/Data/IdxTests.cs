using System.Security.Cryptography;
using DistTrain.Learning;
using static DistTrain.Tests.Learning.Data.DataFiles;

namespace DistTrain.Tests.Learning.Data;

public sealed class IdxTests : IDisposable
{
    private static readonly byte[] _images = IdxBytes([0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6], 2, 2, 3);
    private static readonly byte[] _labels = IdxBytes([3, 9], 2);

    private readonly DataFiles _files = new();
    private readonly Idx _idx = new(new());

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("-idx", "")]
    [InlineData(".idx", "")]
    [InlineData("-idx", ".gz")]
    [InlineData(".idx", ".gz")]
    public void Both_spellings_are_read_plain_and_gzip(string separator, string ending)
    {
        foreach (var set in (string[])["train", "t10k"])
        {
            _files.Write($"{set}-images{separator}3-ubyte{ending}", ending.Length == 0 ? _images : Gzip(_images));
            _files.Write($"{set}-labels{separator}1-ubyte{ending}", ending.Length == 0 ? _labels : Gzip(_labels));
        }
        var (train, test) = _idx.Open(_files.Folder, 1);
        Assert.Equal((2, 2, 10, TargetKind.Labels), (train.Count, test.Count, train.Classes, train.TargetKind));
        Assert.Equal(new Shape(1, 2, 3), train.InputShape);
        Assert.Equal(new Shape(), train.TargetShape);
        var (input, target) = Sample(train, 0);
        Assert.Equal([0, 51 / 255f, 102 / 255f, 153 / 255f, 204 / 255f, 1], input);
        Assert.Equal([3], target);
        Assert.Equal([9], Sample(test, 1).Target);
        var onDisk = ending.Length == 0 ? _images.Concat(_labels).ToArray() : [.. Gzip(_images), .. Gzip(_labels)];
        Assert.Equal((onDisk.Length, Convert.ToHexStringLower(SHA256.HashData(onDisk))), (train.Identity.Bytes, train.Identity.Sha256));
        Assert.Equal($"idx train: 2 from train-images{separator}3-ubyte{ending} and train-labels{separator}1-ubyte{ending}", train.Identity.Description);
    }

    [Fact]
    public void What_is_missing_is_listed_with_every_name_that_was_looked_for()
    {
        Whole();
        File.Delete(_files["train-labels-idx1-ubyte"]);
        File.Delete(_files["t10k-images-idx3-ubyte"]);
        Assert.Equal($"{_files.Folder} has no training labels (looked for train-labels-idx1-ubyte, train-labels-idx1-ubyte.gz, train-labels.idx1-ubyte, train-labels.idx1-ubyte.gz); "
            + "no test images (looked for t10k-images-idx3-ubyte, t10k-images-idx3-ubyte.gz, t10k-images.idx3-ubyte, t10k-images.idx3-ubyte.gz). "
            + "Put the four files of MNIST there; `disttrain data get mnist` fetches them.", Refusal(_idx, _files.Folder));
    }

    [Fact]
    public void A_path_that_is_empty_missing_or_a_file_is_refused()
    {
        Assert.Equal("data.path is empty. It must be the folder with the files of format \"idx\".", Refusal(_idx, ""));
        var none = _files["none"];
        Assert.Equal($"data.path is {none}, which does not exist (looked for {none}). It must be the folder with the files of format \"idx\".", Refusal(_idx, none));
        var file = _files.Write("file", "x");
        Assert.Equal($"data.path is {file}, a file. It must be the folder with the files of format \"idx\".", Refusal(_idx, file));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_cut_at_any_byte_is_refused_by_name(bool gzip)
    {
        var ending = gzip ? ".gz" : "";
        Whole(ending);
        var path = _files[$"train-images-idx3-ubyte{ending}"];
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            var message = Refusal(_idx, _files.Folder);
            Assert.StartsWith($"{path} ", message);
            Assert.True(message.EndsWith(" is empty. Fetch or write it again.") || message.Contains("truncated") || message.Contains("It is damaged or another format."), message);
        }
    }

    [Theory]
    [InlineData("0000080300000002000000020000000300", "[2, 2, 3], 12 bytes, but 1 follow. It is truncated or damaged; fetch it again.")]
    [InlineData("00000803FFFFFFFFFFFFFFFFFFFFFFFF00", "[4294967295, 4294967295, 4294967295], 79228162458924105385300197375 bytes, but 1 follow. It is truncated or damaged; fetch it again.")]
    [InlineData("00000803800000000000000200000003", "[2147483648, 2, 3], 12884901888 bytes, but 0 follow. It is truncated or damaged; fetch it again.")]
    [InlineData("00000803000000000000000200000003", "[0, 2, 3], no samples at all. It must hold at least one; fetch it again.")]
    public void A_header_that_lies_is_refused_before_anything_is_allocated(string bytes, string problem)
    {
        Whole();
        var path = _files.Write("train-images-idx3-ubyte", Convert.FromHexString(bytes));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal($"{path} announces {problem}", Refusal(_idx, _files.Folder));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Any_changed_header_byte_is_refused_or_still_fits()
    {
        Whole();
        var path = _files["train-images-idx3-ubyte"];
        for (var at = 0; at < 16; at++)
            for (var value = 0; value < 256; value += 3)
            {
                byte[] changed = [.. _images];
                changed[at] = (byte)value;
                File.WriteAllBytes(path, changed);
                if (changed.SequenceEqual(_images)) _idx.Open(_files.Folder, 1);
                else Assert.StartsWith($"{path} ", Refusal(_idx, _files.Folder));
            }
    }

    [Fact]
    public void A_gzip_whose_header_lies_takes_no_more_memory_than_its_bytes()
    {
        Whole();
        File.Delete(_files["train-images-idx3-ubyte"]);
        // 1 MB of zeros behind a header that announces 700 MB: within what gzip could unpack to, so only reading tells.
        var path = _files.Write("train-images-idx3-ubyte.gz", [.. Gzip(IdxBytes(new byte[1 << 20], 900_000, 28, 28)), .. new byte[800_000]]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.StartsWith($"{path} ", Refusal(_idx, _files.Folder));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Fact]
    public void A_gzip_that_goes_on_is_not_unpacked_further()
    {
        Whole();
        File.Delete(_files["train-images-idx3-ubyte"]);
        var bomb = Gzip(IdxBytes(new byte[64 << 20], 2, 2, 3));
        var path = _files.Write("train-images-idx3-ubyte.gz", bomb);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal($"{path} goes on after the 12 bytes of [2, 2, 3]. It must end there: it is damaged or not such a file.", Refusal(_idx, _files.Folder));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    [Fact]
    public void Labels_and_counts_and_shapes_must_fit()
    {
        Whole();
        var labels = _files.Write("train-labels-idx1-ubyte", IdxBytes([3, 10], 2));
        Assert.Equal($"{labels} has label 10 at sample 1. Labels must be 0 to 9: raise the option classes of idx, or fetch the file again.", Refusal(_idx, _files.Folder));
        Assert.Equal(11, new Idx(new(Classes: 11)).Open(_files.Folder, 1).Train.Classes);
        _files.Write("train-labels-idx1-ubyte", IdxBytes([3, 9, 1], 3));
        Assert.Equal($"{_files["train-images-idx3-ubyte"]} has 2 images and {labels} 3 labels. They must be equal: the files are of two different sets.", Refusal(_idx, _files.Folder));
        _files.Write("train-labels-idx1-ubyte", _labels);
        _files.Write("t10k-images-idx3-ubyte", IdxBytes([1, 2], 2, 1, 1));
        Assert.Equal($"{_files["train-images-idx3-ubyte"]} has images of [1, 2, 3], {_files["t10k-images-idx3-ubyte"]} of [1, 1, 1]. They must be equal: the files are of two different sets.", Refusal(_idx, _files.Folder));
    }

    [Fact]
    public void Images_and_labels_taken_for_each_other_are_named()
    {
        Whole();
        var path = _files.Write("train-images-idx3-ubyte", _labels);
        Assert.Equal($"{path} begins with 00000801. It must begin with 00000803 (IDX, unsigned bytes, 3 axes). Images and labels are mistaken for each other.", Refusal(_idx, _files.Folder));
        _files.Write("train-images-idx3-ubyte", "<html>404</html>");
        Assert.Equal($"{path} begins with 3C68746D. It must begin with 00000803 (IDX, unsigned bytes, 3 axes). It is damaged or another format.", Refusal(_idx, _files.Folder));
    }

    [Fact]
    public void A_file_that_cannot_be_opened_is_named()
    {
        Whole();
        var path = _files["train-images-idx3-ubyte"];
        using var held = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.StartsWith($"{path} cannot be read. ", Refusal(_idx, _files.Folder));
    }

    [OrdinaryUserFact]
    public void A_folder_that_may_not_be_listed_is_named()
    {
        if (OperatingSystem.IsWindows()) return; // skipped there; said so for the compiler
        var folder = Directory.CreateDirectory(_files["closed"]);
        folder.UnixFileMode = UnixFileMode.None;
        Assert.Equal($"{folder.FullName} cannot be read. This user may not list it: give read access to the folder.", Refusal(_idx, folder.FullName));
        folder.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    }

    [DataFact("mnist")]
    public void Mnist_is_read_whole()
    {
        var (train, test) = _idx.Open(Shared("mnist")!, 1);
        Assert.Equal((60_000, 10_000), (train.Count, test.Count));
        Assert.Equal(new Shape(1, 28, 28), train.InputShape);
        var statistics = ChannelStatistics.Of(train);
        Assert.Equal(0.1306604762738429, statistics.Mean[0], 12);
        Assert.Equal(0.30810780385646264, statistics.Deviation[0], 12);
        Assert.Equal([5], Sample(train, 0).Target);
        Assert.Equal([6], Sample(test, 9_999).Target);
    }

    private void Whole(string ending = "")
    {
        foreach (var set in (string[])["train", "t10k"])
        {
            _files.Write($"{set}-images-idx3-ubyte{ending}", ending.Length == 0 ? _images : Gzip(_images));
            _files.Write($"{set}-labels-idx1-ubyte{ending}", ending.Length == 0 ? _labels : Gzip(_labels));
        }
    }
}
