using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// x'_c = x_c + Σ_k v_kc·a_k·√λ_k for every pixel: v_k, λ_k eigenvectors and eigenvalues of the covariance of the training set's colours, a_k ~ N(0, deviation²), drawn once an image.  x [C, H, W], not held in a range.
/// Krizhevsky, Sutskever, Hinton 2012, section 4.1.
/// </summary>
/// <remarks>The paper's factor is a_k·λ_k. With the root a colour shifts by a share of what it varies by, in whatever units the pixels are.</remarks>
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
