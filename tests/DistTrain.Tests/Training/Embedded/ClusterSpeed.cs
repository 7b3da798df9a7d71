using System.Diagnostics;
using System.Globalization;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>What one run of the embedded cluster costs.</summary>
/// <param name="SamplesPerSecond">Over the steps after the first fifth.</param>
/// <param name="FastestDecile">Samples a second in the fastest tenth of the steps: what remains where other programs take the cores now and then.</param>
/// <param name="BytesPerStep">Managed bytes allocated by all threads in a step.</param>
/// <param name="ComputeShare">Of the workers' time, the part spent in replicas.</param>
public sealed record ClusterCost(double SamplesPerSecond, double FastestDecile, double BytesPerStep, double ComputeShare);

/// <summary>Measures the embedded cluster on LeNet with random images.</summary>
internal static class ClusterSpeed
{
    public static ClusterCost Measure(int workers, int shards, int threads, int batch, int microBatches, int steps, int stages = 1, string model = "lenet")
    {
        var job = JobOf(model, batch, microBatches);
        var (from, bytesFrom, to, bytesTo) = (0L, 0L, 0L, 0L);
        var opened = new long[steps];
        job = job.With(step =>
        {
            opened[step] = Stopwatch.GetTimestamp();
            if (step == steps / 5) (from, bytesFrom) = (Stopwatch.GetTimestamp(), GC.GetTotalAllocatedBytes(precise: true));
            if (step == steps - 1) (to, bytesTo) = (Stopwatch.GetTimestamp(), GC.GetTotalAllocatedBytes(precise: true));
        });
        var feed = new RunFeed();
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = shards, Pipeline = stages, ComputeThreads = threads, StopAfterSteps = steps }, feed);
        var result = cluster.RunAsync().GetAwaiter().GetResult();
        if (result.Error is not null && result.Status == TrainingStatus.Failed) throw new InvalidOperationException(result.Error);
        var (compute, all) = (0.0, 0.0);
        while (feed.Records.TryRead(out var record))
            if (record.Kind == RunRecordKind.Phases) (compute, all) = (compute + record.Compute, all + record.Compute + record.Wait + record.Serve + record.Push);
        var measured = steps - 1 - steps / 5;
        var times = Enumerable.Range(steps / 5, measured).Select(step => opened[step + 1] - opened[step]).Order().ToList();
        return new ClusterCost(measured * batch / Stopwatch.GetElapsedTime(from, to).TotalSeconds, batch / Stopwatch.GetElapsedTime(0, times[measured / 10]).TotalSeconds, (bytesTo - bytesFrom) / (double)measured, compute / all);
    }

    /// <summary>Runs with one and with two workers in turn, in one process and after a first pair that does not count: speed of two over speed of one.</summary>
    public static void Pairs(int pairs, int shards, int batch, int microBatches, int steps, TextWriter output)
    {
        var ratios = new List<double>();
        for (var pair = 0; pair <= pairs; pair++)
        {
            var one = Measure(1, shards, 1, batch, microBatches, steps);
            var two = Measure(2, shards, 1, batch, microBatches, 2 * steps);
            if (pair == 0) continue;
            ratios.Add(two.SamplesPerSecond / one.SamplesPerSecond);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pair {pair}: one worker {one.SamplesPerSecond:F0}, two {two.SamplesPerSecond:F0} samples/s, ratio {ratios[^1]:F3}; fastest tenth of the steps {two.FastestDecile / one.FastestDecile:F3}; compute {one.ComputeShare:P1}, {two.ComputeShare:P1}"));
        }
        ratios.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median of {pairs}: {ratios[pairs / 2]:F3}, lower quartile {ratios[pairs / 4]:F3}, upper {ratios[3 * pairs / 4]:F3}"));
    }

    /// <summary>Pipelines of two and three stages and two crews of two, each in turn with as many workers that share the data on the same cores: speed of the pipeline over theirs.</summary>
    public static void Pipelines(int rounds, int batch, int microBatches, int steps, TextWriter output)
    {
        foreach (var model in new[] { "lenet", "mlp", "wide" })
            foreach (var (workers, stages) in new[] { (2, 2), (3, 3), (4, 2) })
            {
                if (model == "mlp" && stages > 2) continue;
                var (piped, shared, ratios) = (new List<double>(), new List<double>(), new List<double>());
                for (var round = 0; round <= rounds; round++)
                {
                    var one = Measure(workers, stages, 1, batch, microBatches, steps, stages, model).SamplesPerSecond;
                    var other = Measure(workers, stages, 1, batch, microBatches, steps, 1, model).SamplesPerSecond;
                    // The first warms up.
                    if (round == 0) continue;
                    piped.Add(one);
                    shared.Add(other);
                    ratios.Add(one / other);
                }
                piped.Sort();
                shared.Sort();
                ratios.Sort();
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"model\": \"{model}\", \"workers\": {workers}, \"stages\": {stages}, \"batch\": {batch}, \"microBatches\": {microBatches}, \"piped_samples_per_second\": {piped[rounds / 2]:F0}, \"data_parallel_samples_per_second\": {shared[rounds / 2]:F0}, \"ratio\": {ratios[rounds / 2]:F3}, \"lower_quartile\": {ratios[rounds / 4]:F3}}}"));
            }
    }

    internal static ResolvedJob LeNet(int batch, int microBatches) => JobOf("lenet", batch, microBatches);

    // "wide": fat layers over few samples, where weights weigh more than activations.
    private static ResolvedJob JobOf(string model, int batch, int microBatches)
    {
        var data = new RandomImages(10 * batch);
        var layer = model switch
        {
            "mlp" => new Mlp(new() { Hidden = [512] }).Build(data.InputShape, data.Classes),
            "wide" => new Mlp(new() { Hidden = [2048, 2048, 2048] }).Build(data.InputShape, data.Classes),
            _ => new LeNet().Build(data.InputShape, data.Classes),
        };
        var network = new Network(layer, data.InputShape);
        return TestJobs.Of(model, network, data, new Momentum(new(Lr: 0.01)), clipNorm: 1, microBatches, epochs: 1000) with { BatchSize = batch, EvaluateEvery = int.MaxValue };
    }

    private sealed class RandomImages(int count) : Dataset
    {
        private readonly float[] _pixels = [.. Enumerable.Range(0, 784).Select(i => Philox.Block((ulong)i, 3, 3).W0 * (1f / 4294967296f))];

        public override int Count => count;

        public override Shape InputShape { get; } = new(1, 28, 28);

        public override Shape TargetShape { get; } = new();

        public override TargetKind TargetKind => TargetKind.Labels;

        public override int Classes => 10;

        public override DatasetIdentity Identity => new("random", 0, new string('0', 64));

        public override void Read(int index, Span<float> input, Span<int> target)
        {
            _pixels.CopyTo(input);
            input[index % 784] += 1;
            target[0] = index % 10;
        }
    }
}
