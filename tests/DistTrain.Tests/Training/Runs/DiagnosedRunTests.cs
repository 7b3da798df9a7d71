using System.Text;
using DistTrain.Contracts;
using DistTrain.Kernels;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training.Runs;

/// <summary>What is measured of layers, and verdicts that end a run: end to end in the embedded cluster.</summary>
public sealed class DiagnosedRunTests
{
    private static ResolvedJob Resolve(string diagnosis, string more = "", string optimizer = "{ sgd: { lr: 0.05 } }", int epochs = 2) => JobPlanner.Plan(JobFile.Parse(Encoding.UTF8.GetBytes($$"""
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: diagnosed }
        spec:
          data: { format: { digits: { train: 128, test: 64 } } }
          model: [flatten, { linear: 24 }, relu, { linear: 10 }]
          optimizer: {{optimizer}}
          training: { epochs: {{epochs}}, batchSize: 32, microBatches: 2, evaluateEvery: 1{{more}} }
          diagnosis: {{diagnosis}}
        """), "job.yaml")).Job;

    private static async Task<(TrainingResult Result, List<RunRecord> Records)> RunAsync(ResolvedJob job, int workers = 2)
    {
        var feed = new RunFeed();
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = 3, ComputeThreads = 1 }, feed);
        var result = await cluster.RunAsync();
        var records = new List<RunRecord>();
        await foreach (var record in feed.Records.ReadAllAsync()) records.Add(record);
        return (result, records);
    }

    [Fact]
    public async Task Figures_of_layers_are_measured_as_asked_and_change_no_bit()
    {
        var (plain, watched) = (Resolve("{ layers: 0 }"), Resolve("{ layers: 2 }"));
        Assert.Equal(plain.Identity, watched.Identity);
        var (result, records) = await RunAsync(watched);
        SameBitsTests.AssertSame(SameBitsTests.Oracle(plain), result);
        var steps = records.Where(r => r.Kind == RunRecordKind.Step).ToList();
        Assert.Equal(8, steps.Count);
        var measured = steps.Where(r => r.Values is not null).ToList();
        Assert.InRange(measured.Count, 4, 5);
        Assert.All(measured, r =>
        {
            // The layers' norms are the parts of the global one.
            var (first, last) = (r.Values![LayerMetric.Name("1", LayerMetric.GradNorm)], r.Values[LayerMetric.Name("3", LayerMetric.GradNorm)]);
            Assert.Equal(r.GradientNorm, Math.Sqrt(first * first + last * last), 1e-9 * r.GradientNorm);
        });
        var ratios = measured.Where(r => r.Values!.ContainsKey(LayerMetric.Name("3", LayerMetric.UpdateRatio))).ToList();
        Assert.True(ratios.Count >= 3);
        Assert.All(ratios, r => Assert.InRange(r.Values![LayerMetric.Name("3", LayerMetric.UpdateRatio)], 1e-5, 0.2));
        Assert.All(records.Where(r => r.Kind == RunRecordKind.Evaluation), r => Assert.InRange(r.Values![LayerMetric.Name("1", LayerMetric.DeadShare)], 0.0, 1.0));
    }

    [Fact]
    public async Task The_update_ratio_is_that_of_the_update_before_the_step()
    {
        // Plain descent: the update is rate x gradient, so its size follows from the gradient's norm and the weights before it.
        var job = Resolve("{ layers: 1 }");
        var weights = new float[job.Layout.Length];
        job.Initialize(weights);
        var slices = job.Layout.Slices.Where(s => s.Name.StartsWith("1.", StringComparison.Ordinal)).ToList();
        var norm = Math.Sqrt(slices.Sum(s => weights.AsSpan(s.Offset, s.Length).ToArray().Sum(w => (double)w * w)));
        var steps = (await RunAsync(job)).Records.Where(r => r.Kind == RunRecordKind.Step).ToList();
        var expected = 0.05 * steps[0].Values![LayerMetric.Name("1", LayerMetric.GradNorm)] / norm;
        Assert.Equal(expected, steps[1].Values![LayerMetric.Name("1", LayerMetric.UpdateRatio)], 1e-4 * expected);
    }

    [Theory]
    [InlineData("stop", TrainingStatus.Interrupted)]
    [InlineData("earlyStop", TrainingStatus.Completed)]
    public async Task A_verdict_that_is_named_ends_the_run_at_the_same_step_wherever_it_runs(string action, TrainingStatus status)
    {
        var job = Resolve($"{{ onVerdict: {{ diverged: {action}, nan: {action} }} }}", optimizer: "{ sgd: { lr: 50 } }", epochs: 30);
        var (result, records) = await RunAsync(job);
        Assert.Equal(status, result.Status);
        Assert.InRange(result.Steps, 2, job.TotalSteps - 1);
        Assert.Contains(records, r => r.Kind == RunRecordKind.Event && r.Text!.Contains("diagnosis.onVerdict says", StringComparison.Ordinal));
        if (action == "stop") Assert.Contains("the verdict after", result.Error, StringComparison.Ordinal);
        var (again, _) = await RunAsync(job, workers: 1);
        Assert.Equal((result.Steps, result.WeightsSha256, result.LossLogSha256), (again.Steps, again.WeightsSha256, again.LossLogSha256));
    }

    [Fact]
    public async Task Without_an_action_the_run_goes_on_to_its_end()
    {
        var (result, _) = await RunAsync(Resolve("{ onVerdict: { overfitting: stop } }", optimizer: "{ sgd: { lr: 50 } }", epochs: 3));
        Assert.Equal((TrainingStatus.Completed, 12L), (result.Status, result.Steps));
    }

    [Fact]
    public void Dead_units_are_those_that_are_zero_on_every_sample()
    {
        var job = Resolve("{ layers: 1 }");
        using var device = new CpuDevice(1);
        using var view = job.MakeView!(device);
        using var weights = device.Allocate(job.Layout.Length);
        var values = new float[job.Layout.Length];
        job.Initialize(values);
        // Six of the 24 units have a bias that nothing lifts.
        var bias = job.Layout.Slices.First(s => s.Name == "1.bias");
        values.AsSpan(bias.Offset, 6).Fill(-1e6f);
        weights.Write(0, values);
        var inputs = new float[20 * 784];
        for (var i = 0; i < inputs.Length; i++) inputs[i] = (i * 37 % 101) / 50f - 1f;
        Assert.InRange(view.DeadShares(inputs, 20, weights.View)["1"], 6 / 24.0, 12 / 24.0);
    }
}
