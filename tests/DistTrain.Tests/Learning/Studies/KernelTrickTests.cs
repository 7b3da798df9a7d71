using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Studies;

/// <summary>Linear models on kernel features against kernel machines that were solved in their dual, with the kernel's matrix alone (numpy, float64).</summary>
public sealed class KernelTrickTests
{
    private const int Samples = 14;
    private const double L2 = 0.02;

    private static readonly DatasetIdentity Identity = new("t", 1, "0");
    private static readonly float[] X = [.. Enumerable.Range(0, Samples).SelectMany(i => new[] { (float)((i * 37 + 11) % 29 / 14.5 - 1), (float)((i * 53 + 7) % 31 / 15.5 - 1) })];
    private static readonly float[] Y = [.. Enumerable.Range(0, Samples).Select(i => (float)((i * 71 + 3) % 23 / 11.5 - 1))];
    private static readonly float[] Z = [.. Enumerable.Range(0, 4).SelectMany(i => new[] { (float)((i * 17 + 5) % 19 / 9.5 - 1), (float)((i * 23 + 2) % 13 / 6.5 - 1) })];

    // α = (K + 1 + n·l2/2·I)⁻¹·y, f = (K_z + 1)·α: the 1 is the bias, which the penalty counts too.
    public static TheoryData<string, double[], double[]> Expected() => new()
    {
        { "rbf", [-0.429653247, 0.341320649, 0.248736185, -0.153705577], [-1.131087571, -0.100652438, -0.210925034, -0.997205404] },
        { "polynomial", [-0.503863594, 0.712932937, 0.464831037, -0.136778897], [-1.208107942, 1.072088967, 0.533588008, -0.977909595] },
    };

    [Theory, MemberData(nameof(Expected))]
    public void Ridge_and_the_support_vector_machine_on_all_landmarks_are_the_kernel_machines_of_the_dual(string kernel, double[] ridge, double[] machine)
    {
        var fit = Transform(kernel, landmarks: null).Fit(Table(X));
        Assert.Equal(new Shape(Samples), fit.Output);
        var (train, test) = (Rows(fit, X), Rows(fit, Z));
        var weights = ExactSolution.LeastSquares(train, [.. Y.Select(y => new double[] { y })], L2)!;
        for (var i = 0; i < 4; i++) Assert.Equal(ridge[i], ExactSolution.Score(test[i], weights[0]), 2e-6);

        var (vector, share, gap) = ExactSolution.SupportVectors(train, [.. Y.Select(y => y > 0 ? 1 : -1)], L2);
        for (var i = 0; i < 4; i++) Assert.Equal(machine[i], ExactSolution.Score(test[i], vector), 2e-4);
        Assert.Equal(12.0 / Samples, share, 1e-12);
        Assert.InRange(gap, 0, 1e-7);
    }

    [Fact]
    public void Inner_products_of_the_features_are_the_kernels()
    {
        var all = X.Concat(Z).ToArray();
        var rows = Rows(Transform("rbf", null).Fit(Table(X)), all);
        for (var i = 0; i < Samples; i++)
            for (var j = 0; j < rows.Count; j++)
                Assert.Equal(Math.Exp(-0.7 * (Math.Pow(all[2 * i] - (double)all[2 * j], 2) + Math.Pow(all[2 * i + 1] - (double)all[2 * j + 1], 2))), Dot(rows[i], rows[j]), 1e-6);
    }

    [Fact]
    public void Fewer_landmarks_are_the_products_that_go_through_them()
    {
        // Nyström: k̂(x, y) = k(x, Z)·K_zz⁻¹·k(Z, y): exact where one of both is a landmark, and never more than k(x, x).
        var fit = Transform("rbf", 9).Fit(Table(X));
        Assert.Equal(new Shape(9), fit.Output);
        var rows = Rows(fit, X);
        var lengths = rows.Select(r => Dot(r, r)).ToArray();
        Assert.Equal(9, lengths.Count(l => Math.Abs(l - 1) < 1e-6));
        Assert.All(lengths, l => Assert.InRange(l, 0.3, 1 + 1e-6));
    }

    [Fact]
    public void Fourier_features_come_near_the_kernel_and_nearer_with_more_of_them()
    {
        double Error(int features)
        {
            var rows = Rows(new FourierFeatures(new(features, 0.7)).Fit(Table(X)), X);
            var worst = 0.0;
            for (var i = 0; i < Samples; i++)
                for (var j = 0; j < Samples; j++)
                    worst = Math.Max(worst, Math.Abs(Dot(rows[i], rows[j]) - Math.Exp(-0.7 * (Math.Pow(X[2 * i] - (double)X[2 * j], 2) + Math.Pow(X[2 * i + 1] - (double)X[2 * j + 1], 2)))));
            return worst;
        }
        Assert.InRange(Error(400), 0.01, 4 / Math.Sqrt(400));
        Assert.InRange(Error(40_000), 0, 4 / Math.Sqrt(40_000));
    }

    [Fact]
    public void Too_many_landmarks_are_refused_with_what_to_do()
    {
        Assert.Contains("It must be at most 14", Assert.Throws<DatasetException>(() => Transform("rbf", 15).Fit(Table(X))).Message, StringComparison.Ordinal);
        var many = Table(new float[2 * (KernelFeatures.MostLandmarks + 1)]);
        Assert.Contains("set the option landmarks", Assert.Throws<DatasetException>(() => Transform("rbf", null).Fit(many)).Message, StringComparison.Ordinal);
    }

    private static KernelFeatures Transform(string kernel, int? landmarks) => kernel == "rbf"
        ? new(new(KernelForm.Rbf, 0.7) { Landmarks = landmarks, Jitter = 1e-10 })
        : new(new(KernelForm.Polynomial, 0.5) { Degree = 3, Offset = 1, Landmarks = landmarks, Jitter = 1e-10 });

    private static NumericTable Table(float[] values) => NumericTable.Labelled(2, values, new int[values.Length / 2], 2, [], Identity);

    private static List<double[]> Rows(FittedTransform fit, float[] values)
    {
        var rows = new List<double[]>();
        for (var i = 0; i < values.Length; i += 2)
        {
            var row = new float[fit.Output.Length];
            fit.Apply(values.AsSpan(i, 2), row);
            rows.Add(Array.ConvertAll(row, v => (double)v));
        }
        return rows;
    }

    private static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();
}
