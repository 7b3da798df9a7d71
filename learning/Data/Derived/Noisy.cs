using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// Samples of another format with normal noise on them, x + deviation·n; the target is the sample x itself without it, real values of the input's shape: denoising, and losses that compare images or features
/// (mse, content, style). A training sample's noise is drawn anew in each epoch, a test sample's once. deviation 0: the sample is its own target.  Vincent et al. 2008, doi:10.1145/1390156.1390294.
/// </summary>
[Named("noisy")]
public sealed class Noisy(Noisy.Options options) : DatasetFormat
{
    private readonly DatasetFormat _source = options.Of ?? new Digits(new());

    /// <param name="Of">The format whose samples these are; not given: digits. Its labels are not read.</param>
    /// <param name="Deviation">Of the noise, in units of the samples (images: 0 to 1).</param>
    public sealed record Options(
        DatasetFormat? Of = null,
        [property: Range(0.0, 1e6)] double Deviation = 0.3);

    public override DataSplit Open(string path, ulong seed)
    {
        var split = _source.Open(path, seed);
        if (split.Train.Vocabulary > 0) throw new DatasetException("the option of of noisy is a format of text. It must be one of real values, such as digits or images: tokens take no noise.");
        return new(new NoisySamples(split.Train, (float)options.Deviation, seed, "train"), new NoisySamples(split.Test, (float)options.Deviation, seed, "test"));
    }

    public override Pair? ImageSize => _source.ImageSize;

    public override IReadOnlyList<(string Option, string Set, string Path)> FilesBeside(string path) => [.. _source.FilesBeside(path).Select(file => ($"noisy.of.{file.Option}", file.Set, file.Path))];
}
