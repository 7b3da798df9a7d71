namespace DistTrain.Learning;

/// <summary>One file of a published data set, as it is served.</summary>
/// <param name="Name">File name; added to a mirror's address.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Lower-case hex.</param>
public sealed record DownloadFile(string Name, long Bytes, string Sha256);

/// <summary>A published data set: where it is served and what its files must be.</summary>
/// <param name="Name">As in <c>disttrain data get NAME</c>.</param>
/// <param name="Mirrors">Folders to try, in order.</param>
/// <param name="Files">All files.</param>
public sealed record DownloadSet(string Name, IReadOnlyList<Uri> Mirrors, IReadOnlyList<DownloadFile> Files)
{
    /// <summary>MNIST: 60,000 + 10,000 images of handwritten digits. LeCun, Cortes, Burges 1998; CC BY-SA 3.0.</summary>
    public static DownloadSet Mnist { get; } = new("mnist",
        [new("https://storage.googleapis.com/cvdf-datasets/mnist/"), new("https://ossci-datasets.s3.amazonaws.com/mnist/")],
        [
            new("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            new("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            new("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            new("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ]);

    public static IReadOnlyList<DownloadSet> All { get; } = [Mnist];

    /// <summary>The set of that name; null where there is none.</summary>
    public static DownloadSet? Find(string name) => All.FirstOrDefault(set => set.Name == name);
}

/// <summary>How far a download is.</summary>
/// <param name="File">The file that bytes just came for.</param>
/// <param name="FileBytes">Of this file, bytes on disk.</param>
/// <param name="DoneBytes">Of the whole set, bytes on disk.</param>
/// <param name="TotalBytes">Of the whole set.</param>
public readonly record struct DownloadProgress(DownloadFile File, long FileBytes, long DoneBytes, long TotalBytes);
