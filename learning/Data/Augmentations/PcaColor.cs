using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// x' = x + Σ_k v_k·a_k·√λ_k for every pixel, not held in a range: v, λ the eigenvectors and eigenvalues of the training set's colours, a_k normal with the given deviation, drawn once an image.
/// Krizhevsky et al. 2012, section 4.1 (there λ is of the sum, and the factor a_k·λ_k; with deviations the colours shift by what they vary by).
/// </summary>
[Named("pcaColor")]
public sealed class PcaColor(PcaColor.Options options) : Augmentation
{
    private (double[] Values, double[][] Vectors) _axes = ([], []);

    /// <param name="Deviation">Of the draws.</param>
    public sealed record Options([property: Range(0.0, 10.0)] double Deviation = 0.1);

    public override void Fit(Dataset train)
    {
        var channels = train.InputShape.Rank == 3 ? train.InputShape[0] : 1;
        var (input, target) = (new float[train.InputShape.Length], new int[train.TargetShape.Length]);
        var plane = input.Length / channels;
        var (sums, products, pixel) = (new double[channels], new double[channels, channels], new double[channels]);
        for (var i = 0; i < train.Count; i++)
        {
            train.Read(i, input, target);
            for (var p = 0; p < plane; p++)
            {
                for (var c = 0; c < channels; c++) sums[c] += pixel[c] = input[c * plane + p];
                for (var a = 0; a < channels; a++)
                    for (var b = a; b < channels; b++) products[a, b] += pixel[a] * pixel[b];
            }
        }
        var n = (double)train.Count * plane;
        for (var a = 0; a < channels; a++)
            for (var b = a; b < channels; b++) products[a, b] = products[b, a] = products[a, b] / n - sums[a] / n * (sums[b] / n);
        _axes = SymmetricEigen.Of(products);
    }

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        Span<float> shift = stackalloc float[sample.Channels];
        shift.Clear();
        for (var k = 0; k < _axes.Values.Length; k++)
        {
            var draw = options.Deviation * random.NextNormal() * Math.Sqrt(Math.Max(0, _axes.Values[k]));
            for (var c = 0; c < shift.Length; c++) shift[c] += (float)(_axes.Vectors[k][c] * draw);
        }
        for (var c = 0; c < shift.Length; c++)
            foreach (ref var x in sample.Plane(c)) x += shift[c];
    }
}
