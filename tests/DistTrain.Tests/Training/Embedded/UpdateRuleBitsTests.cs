using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>What acts on gradients, on single parameters and on evaluations: the oracle's bits in any cluster, and what it is meant to do.</summary>
public sealed class UpdateRuleBitsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Rules() => ["clip by value", "clip by tensor", "l1 and l2", "groups", "everything"];

    [Theory, MemberData(nameof(Rules))]
    public async Task A_cluster_gives_the_bits_of_the_oracle(string rule)
    {
        var rules = rule switch
        {
            "clip by value" => new UpdateRules { ClipValue = 1e-3 },
            "clip by tensor" => new UpdateRules { ClipTensorNorm = 0.05 },
            "l1 and l2" => new UpdateRules { L1 = 1e-4, L2 = 1e-3 },
            "groups" => new UpdateRules { Parameters = [new Freeze(new("1.weight")), new RateOf(new("3.*", 10)), new RateOf(new("*.bias", 0.5))] },
            _ => new UpdateRules { ClipValue = 1e-3, ClipTensorNorm = 0.05, L1 = 1e-4, L2 = 1e-3, Parameters = [new Freeze(new("3.bias"))] },
        };
        var optimizer = new AdamW(new(0.01)).With(rules);
        var job = TestJobs.Mlp(optimizer, clipNorm: 0.5, epochs: 2);
        if (optimizer.NeedsWholeTensors) job = job with { Layout = job.Layout.KeepingTensorsWhole() };
        var oracle = new LocalTrainer(job).Run();
        Assert.NotEqual(new LocalTrainer(TestJobs.Mlp(new AdamW(new(0.01)), clipNorm: 0.5, epochs: 2)).Run().WeightsSha256, oracle.WeightsSha256);
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = 2, Shards = 4, ComputeThreads = 1, InstructionSet = InstructionSet.Vector512 });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    [Fact]
    public void Frozen_parameters_keep_their_values_and_do_not_count_in_the_norm()
    {
        var job = TestJobs.Mlp(new Momentum(new()).With(new UpdateRules { Parameters = [new Freeze(new("1.*"))] }), clipNorm: 1e-3, epochs: 1);
        var before = new float[job.Layout.Length];
        job.Initialize(before);
        var trainer = new LocalTrainer(job);
        trainer.Run();
        var after = new float[job.Layout.Length];
        trainer.Weights.Read(0, after);
        foreach (var slice in job.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
            Assert.Equal(slice.Name.StartsWith("1.", StringComparison.Ordinal), before.AsSpan(slice.Offset, slice.Length).SequenceEqual(after.AsSpan(slice.Offset, slice.Length)));
        // Momentum's first step is lr·c·g with ‖c·g‖ = clip over what is not frozen.
        var first = new LocalTrainer(job);
        first.Run(untilStep: 1);
        first.Weights.Read(0, after);
        Assert.Equal(0.01 * 1e-3, Math.Sqrt(before.Zip(after, (a, b) => Math.Pow((double)a - b, 2)).Sum()), 1e-7);
    }

    [Fact]
    public async Task A_rate_that_waits_for_progress_falls_alike_everywhere_and_through_a_stop()
    {
        var schedule = new ReduceOnPlateau(new(Patience: 1, Gamma: 0.5, MinDelta: 0.05));
        var job = TestJobs.Mlp(new Adam(new(0.05)), epochs: 9, schedule: schedule) with { EvaluateEvery = 3 };
        var trainer = new LocalTrainer(job);
        var oracle = trainer.Run();
        var rates = Enumerable.Range(0, trainer.Log.Count).Select(i => trainer.Log[i]).Where(r => r.Kind == LossRecordKind.Applied).Select(r => r.LearningRate).ToList();
        Assert.Equal(0.05, rates[0]);
        Assert.True(rates.Distinct().Count() >= 3, $"rates were {string.Join(", ", rates.Distinct())}");
        var options = new RunOptions { Workers = 3, Shards = 2, ComputeThreads = 1, CheckpointFolder = _folder, CheckpointEvery = 7 };
        using var cancel = new CancellationTokenSource();
        using (var cluster = new EmbeddedCluster(job with { Schedule = new Cancelling(schedule, 25, cancel) }, options)) Assert.Equal(TrainingStatus.Interrupted, (await cluster.RunAsync(cancel.Token)).Status);
        using var again = new EmbeddedCluster(job, options with { Resume = true });
        SameBitsTests.AssertSame(oracle, await again.RunAsync());
    }

    [Fact]
    public async Task Training_ends_early_once_patience_runs_out_and_stays_ended()
    {
        var job = TestJobs.Mlp(new Adam(new(0.05)), epochs: 40) with { EarlyStop = new EarlyStop(2, 0.01) };
        var trainer = new LocalTrainer(job);
        var oracle = trainer.Run();
        Assert.Equal(TrainingStatus.Completed, oracle.Status);
        Assert.InRange(oracle.Steps, 15, job.TotalSteps - 5);
        var losses = Enumerable.Range(0, trainer.Log.Count).Select(i => trainer.Log[i]).Where(r => r.Kind == LossRecordKind.Evaluation).Select(r => r.Loss).ToList();
        Assert.All(losses.TakeLast(2), loss => Assert.True(loss >= losses.SkipLast(2).Min() - 0.01));
        var options = new RunOptions { Workers = 2, Shards = 3, ComputeThreads = 1, CheckpointFolder = _folder };
        using (var cluster = new EmbeddedCluster(job, options)) SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
        using var again = new EmbeddedCluster(job, options with { Resume = true });
        var resumed = await again.RunAsync();
        SameBitsTests.AssertSame(oracle, resumed);
        Assert.Equal(0, resumed.StepsThisRun);
    }

    // Cancels as the rate of a step is asked for, and hands everything else on.
    private sealed class Cancelling(Schedule schedule, long at, CancellationTokenSource source) : Schedule
    {
        public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch) => schedule.Rate(baseRate, step, totalSteps, stepsPerEpoch);

        public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch, in Progress progress)
        {
            if (step == at) source.Cancel();
            return schedule.Rate(baseRate, step, totalSteps, stepsPerEpoch, progress);
        }

        public override Progress Follow(in Progress progress, double testLoss, double testAccuracy) => schedule.Follow(progress, testLoss, testAccuracy);
    }
}
