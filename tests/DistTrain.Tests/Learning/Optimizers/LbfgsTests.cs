using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.Training;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Learning.Optimizers;

public sealed class LbfgsTests
{
    // Least squares of 12 samples: X [12, 5], y [12].
    private static readonly double[] X = [-0.2177, 0.1467, 0.6691, -0.5141, -1.586, -0.7477, 0.6539, 0.9105, 0.1483, -0.8089, 1.5866, -0.3468, 0.5484, 1.1468, -0.1246, 0.5543, -0.4607, 1.0639, -2.2236, -0.4724, -1.3464, -0.2842, 0.1679, 0.7581, 0.1785, 0.6259, 1.0038, -0.2214, -0.584, -1.225, -0.2697, 0.2037, -0.0872, -0.3489, -0.419, -1.6649, -0.3492, -0.7748, -0.7003, -1.909, -0.03, 0.29, 0.3273, -1.0802, 0.2924, 0.0775, 0.0865, 0.1839, -0.5321, 1.4531, 0.1473, 2.1669, -0.4473, 0.9084, 0.1129, 0.3701, -0.5481, -0.17, -0.0306, 3.1196];

    private static readonly double[] Y = [-0.9239, -0.7378, 0.1657, 0.0118, 0.133, -0.4708, -1.3275, -1.7062, 0.1203, -0.0468, -0.3703, 1.011];

    // torch.optim.LBFGS(lr=0.8, max_iter=1, history_size=3, tolerance_grad=0, tolerance_change=0) on the mean of squares in float64: the weights after that many steps.
    private static readonly (int Step, double[] Weights)[] Path =
    [
        (1, [0.177727028, -0.095946983, 0.017612507, 0.091534112, 0.41717937]),
        (2, [0.207654376, -0.121229029, 0.035854915, 0.093973407, 0.410185263]),
        (3, [0.272793882, -0.19293866, 0.080665664, 0.129839975, 0.373741008]),
        (5, [0.282095161, -0.216560481, 0.097299439, 0.13935497, 0.363941728]),
        (8, [0.28076975, -0.216669165, 0.101431068, 0.139649663, 0.36413178]),
        (12, [0.280654503, -0.216343839, 0.101480402, 0.139644442, 0.364247814]),
    ];

    private static readonly double[] Solution = [0.280655207, -0.216344158, 0.101479603, 0.139644158, 0.36424874];

    [Fact]
    public void Its_path_is_PyTorchs()
    {
        var optimizer = new Lbfgs(new(Lr: 0.8, History: 3));
        using var device = new CpuDevice(1);
        using var weights = device.Allocate(5);
        using var gradient = device.Allocate(5);
        using var states = device.Allocate(5 * optimizer.StateCount);
        var scalars = new float[Optimizer.MaxScalars];
        for (var step = 1; step <= 12; step++)
        {
            Slope(weights.View.AsSpan()).CopyTo(gradient.View.AsSpan());
            var count = optimizer.Scalars(step, 0.8, scalars);
            optimizer.ApplyWhole(device, scalars.AsSpan(0, count), 1f, [(0, 2), (2, 3)], weights.View, gradient.View, states.View);
            foreach (var (at, wanted) in Path)
                for (var i = 0; i < 5 && at == step; i++) Assert.Equal(wanted[i], weights.View.AsSpan()[i], 2e-5);
        }
        for (var i = 0; i < 5; i++) Assert.Equal(Solution[i], weights.View.AsSpan()[i], 2e-5);
    }

    [Fact]
    public async Task A_least_squares_job_on_the_full_batch_gives_the_oracles_bits_whatever_the_workers()
    {
        var job = TestJobs.Mlp(new Lbfgs(new(Lr: 0.5)), epochs: 8) with { BatchSize = 150 };
        job = job with { Layout = job.Layout.KeepingVectorWhole() };
        var oracle = new LocalTrainer(job).Run();
        foreach (var workers in new[] { 1, 3 })
        {
            using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = 1, ComputeThreads = 1 });
            SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
        }
    }

    [Fact]
    public void A_spec_with_several_shards_parts_of_the_set_or_rates_is_refused_with_all_that_is_wrong()
    {
        const string Spec = """
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: small }
            spec:
              data: { format: { digits: { train: 64, test: 16 } } }
              model: softmaxRegression
              loss: crossEntropy
              optimizer: lbfgs
              training: { batchSize: 32, sampling: replacement, clipTensorNorm: 1, parameters: [ { rate: { match: "0.bias", by: 10 } } ] }
              cluster: { shards: 2 }
            """;
        var wrong = Assert.Throws<SpecException>(() => JobPlanner.Plan(JobFile.Parse(System.Text.Encoding.UTF8.GetBytes(Spec), "job.yaml")));
        foreach (var path in new[] { "spec.training.batchSize is 32. It must be 64", "spec.training.sampling is replacement", "spec.training.clipTensorNorm is 1", "spec.training.parameters has rates", "spec.cluster.shards is 2. It must be at most 1" })
            Assert.Contains(wrong.Problems, p => p.ToString().Contains(path, StringComparison.Ordinal));
    }

    private static float[] Slope(ReadOnlySpan<float> w)
    {
        var slope = new double[5];
        for (var n = 0; n < 12; n++)
        {
            var gap = -Y[n];
            for (var i = 0; i < 5; i++) gap += X[5 * n + i] * w[i];
            for (var i = 0; i < 5; i++) slope[i] += 2 * gap * X[5 * n + i] / 12;
        }
        return [.. slope.Select(s => (float)s)];
    }
}
