using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// The kernel trick for linear models: features φ(x) with ⟨φ(x), φ(y)⟩ = k(x, y), so that linearRegression with mse and training.l2 is kernel ridge regression, svm with hinge the kernel SVM, softmaxRegression kernel
/// logistic regression, each on any number of workers.  φ(x) = L⁻¹·(k(z_1, x), ..., k(z_m, x)), L·Lᵀ = K_zz + jitter·mean(diag K_zz)·I, z the landmarks: all training samples make it exact (its inner products are
/// the kernel's), fewer are Nyström's approximation. Aizerman, Braverman, Rozonoer 1964; Boser, Guyon, Vapnik 1992, doi:10.1145/130385.130401; Williams, Seeger 2001.
/// </summary>
[Named("kernelFeatures")]
public sealed class KernelFeatures(KernelFeatures.Options options) : Transform
{
    /// <summary>Landmarks that are taken: their products are m² numbers, and a sample costs m²/2 multiply-adds.</summary>
    public const int MostLandmarks = 2048;

    /// <param name="Kernel">rbf: exp(-gamma·‖x - y‖²); polynomial: (gamma·⟨x, y⟩ + offset)^degree; linear.</param>
    /// <param name="Gamma">Not given: 1 / (features · variance of the training set's feature values).</param>
    public sealed record Options(KernelForm Kernel = KernelForm.Rbf, [property: Range(0.0, 1e9, MinimumIsExclusive = true)] double? Gamma = null)
    {
        /// <summary>Of the polynomial kernel.</summary>
        [Range(1, 16)] public int Degree { get; init; } = 3;

        /// <summary>Of the polynomial kernel.</summary>
        [Range(0.0, 1e9)] public double Offset { get; init; } = 1.0;

        /// <summary>Training samples that are landmarks, drawn without replacement by the seed; not given: all, which is exact.</summary>
        [Range(1, MostLandmarks)] public int? Landmarks { get; init; }

        /// <summary>Which samples are drawn.</summary>
        [Range(0.0, 9007199254740992.0)] public long Seed { get; init; } = 1;

        /// <summary>Added to the landmarks' products with themselves, in units of their mean, so that equal samples do no harm.</summary>
        [Range(0.0, 1.0)] public double Jitter { get; init; } = 1e-8;
    }

    public override FittedTransform Fit(Dataset train)
    {
        var count = options.Landmarks ?? train.Count;
        if (options.Landmarks is null && train.Count > MostLandmarks) throw new DatasetException($"kernelFeatures takes every training sample as a landmark, and there are {train.Count}. At most {MostLandmarks} are taken: set the option landmarks.");
        if (count > train.Count) throw new DatasetException($"the option landmarks of kernelFeatures is {count}. It must be at most {train.Count}, the training samples.");
        var kernel = new KernelFunction(options.Kernel, options.Gamma ?? KernelFunction.ScaledGamma(train), options.Offset, options.Degree);
        var landmarks = Landmarks(train, count);
        var products = new double[count, count];
        var trace = 0.0;
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j <= i; j++) products[i, j] = products[j, i] = kernel.Of(landmarks[i], landmarks[j]);
            trace += products[i, i];
        }
        for (var i = 0; i < count; i++) products[i, i] += options.Jitter * trace / count;
        var factor = Cholesky.Of(products) ?? throw new DatasetException("the landmarks of kernelFeatures have products that are no kernel's: two may be the same, or the numbers are too large. Raise the option jitter, or standardize the features first.");
        return new FittedTransform(new Shape(count), (x, y) =>
        {
            Span<double> projected = stackalloc double[count];
            for (var i = 0; i < count; i++) projected[i] = kernel.Of(landmarks[i], x);
            factor.SolveLower(projected);
            for (var i = 0; i < count; i++) y[i] = (float)projected[i];
        }) { IsWork = true };
    }

    private float[][] Landmarks(Dataset train, int count)
    {
        var order = new KeyedPermutation((ulong)options.Seed, 0, train.Count);
        var target = new int[train.TargetShape.Length];
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var row = new float[train.InputShape.Length];
            train.Read(count == train.Count ? i : (int)order[i], row, target);
            return row;
        })];
    }
}
