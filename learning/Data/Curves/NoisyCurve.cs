using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Which function a made curve follows.</summary>
public enum CurveForm
{
    /// <summary>sin(π·x).</summary>
    Sine,

    /// <summary>Σ coefficients_k·x^k.</summary>
    Polynomial,
}

/// <summary>
/// Points of a known function, for studies of fitting: x evenly spaced in [-1, 1], input [1]; the training targets are f(x) + noise·n, n standard normal, drawn by the seed; the test points lie between the
/// training points' ends, and their targets are f(x) itself, so that the noise is known and apart.
/// </summary>
[Named("curve")]
public sealed class NoisyCurve(NoisyCurve.Options options) : DatasetFormat
{
    /// <param name="Form">sine: sin(π·x); polynomial: Σ coefficients_k·x^k.</param>
    /// <param name="Train">Training points.</param>
    /// <param name="Test">Test points.</param>
    /// <param name="Noise">Deviation of the noise on training targets.</param>
    /// <param name="Seed">Of the noise; none = the job's seed.</param>
    public sealed record Options(
        CurveForm Form = CurveForm.Sine,
        [property: Range(2, 1_000_000)] int Train = 30,
        [property: Range(2, 1_000_000)] int Test = 200,
        [property: Range(0.0, 1e6)] double Noise = 0.3,
        [property: Range(0.0, 9007199254740992.0)] long? Seed = null)
    {
        /// <summary>Of a polynomial, from the constant on.</summary>
        public IReadOnlyList<double> Coefficients { get; init; } = [0, 1, 0, -1];
    }

    /// <summary>Variance of the noise on training targets.</summary>
    public double NoiseVariance => options.Noise * options.Noise;

    public override DataSplit Open(string path, ulong seed)
    {
        if (path.Length > 0) throw new DatasetException($"data.path is \"{path}\". The format \"curve\" is made and reads no files: leave the path empty.");
        var own = options.Seed is { } given ? (ulong)given : seed;
        return new(Points("train", options.Train, options.Noise, own), Points("test", options.Test, 0, own));
    }

    private NumericTable Points(string name, int count, double noise, ulong seed)
    {
        var (x, y) = (new float[count], new float[count]);
        for (var i = 0; i < count; i++)
        {
            x[i] = (float)(2.0 * i / (count - 1) - 1);
            y[i] = (float)(Value(x[i]) + (noise > 0 ? noise * new RandomStream(seed, (ulong)i).NextNormal() : 0));
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var values in new[] { x, y }) hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
        return NumericTable.Valued(1, x, 1, y, new DatasetIdentity($"curve {name}: {count} points, noise {noise}, seed {seed}", 8L * count, Convert.ToHexStringLower(hash.GetHashAndReset())));
    }

    private double Value(double x)
    {
        if (options.Form == CurveForm.Sine) return Scalar64.Sin(Math.PI * x);
        var sum = 0.0;
        for (var k = options.Coefficients.Count - 1; k >= 0; k--) sum = sum * x + options.Coefficients[k];
        return sum;
    }
}
