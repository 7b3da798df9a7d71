using System.Collections.Concurrent;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>A model that runs in stages on several workers gives the bits of one process: weights, optimizer state and loss log.</summary>
public sealed class PipelineBitsTests
{
    private static readonly ConcurrentDictionary<string, Lazy<TrainingResult>> _oracles = new();
    private static readonly DataSplit _digits = new Digits(new(Train: 170, Test: 70, Seed: 5)).Open("", 5);

    internal static ResolvedJob Job(string model) => model == "lenet"
        ? TestJobs.Of("lenet", new Network(new LeNet().Build(_digits.Train.InputShape, 10), _digits.Train.InputShape), _digits.Train, new Adam(new(Lr: 0.003)), clipNorm: 1, microBatches: 8, epochs: 2) with { BatchSize = 48, Data = _digits }
        : SameBitsTests.Job(model, "adam", 0.5);

    internal static TrainingResult Oracle(ResolvedJob job) => _oracles.GetOrAdd(job.Identity, _ => new(() => new LocalTrainer(job).Run())).Value;

    // Stages, workers (one crew, two crews, one to spare, fewer than stages), shards, compute threads, instruction set.
    [Theory]
    [InlineData("lenet", 2, 2, 2, 1, InstructionSet.Vector256)]
    [InlineData("lenet", 3, 3, 5, 1, InstructionSet.Vector512)]
    [InlineData("lenet", 2, 4, 4, 1, InstructionSet.Vector512)]
    [InlineData("mlp", 2, 2, 1, 1, InstructionSet.Vector512)]
    [InlineData("mlp", 2, 4, 2, 2, InstructionSet.Scalar)]
    [InlineData("mlp", 2, 5, 3, 1, InstructionSet.Vector256)]
    [InlineData("mlp", 2, 1, 2, 1, InstructionSet.Vector512)]
    [InlineData("convnet", 3, 3, 3, 1, InstructionSet.Vector256)]
    [InlineData("convnet", 2, 4, 3, 1, InstructionSet.Vector512)]
    [InlineData("convnet", 3, 2, 2, 2, InstructionSet.Vector512)]
    public async Task Stages_and_crews_do_not_change_bits(string model, int stages, int workers, int shards, int threads, InstructionSet set)
    {
        var job = Job(model);
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = shards, Pipeline = stages, ComputeThreads = threads, InstructionSet = set });
        var result = await cluster.RunAsync();
        SameBitsTests.AssertSame(Oracle(job), result);
        Assert.Equal(Math.Max(shards, stages), result.Shards);
        Assert.Equal(workers > 1, cluster.StageUnits > 0);
    }

    [Theory]
    [InlineData("lenet", 2, 4, KillPoint.MidCompute)]
    [InlineData("lenet", 3, 3, KillPoint.MidCompute)]
    [InlineData("mlp", 2, 2, KillPoint.MidCompute)]
    [InlineData("mlp", 2, 4, KillPoint.Now)]
    [InlineData("convnet", 3, 3, KillPoint.MidPush)]
    public async Task Members_of_crews_that_vanish_do_not_change_bits(string model, int stages, int workers, KillPoint point)
    {
        var job = Job(model);
        EmbeddedCluster? cluster = null;
        var (killed, next) = (0, 0);
        cluster = new EmbeddedCluster(job.With(step =>
        {
            if (step % 2 == 0) return;
            // Whoever is lost is of another stage each time; another comes, or for two steps nobody.
            if (cluster!.KillWorker(next++, point)) killed++;
            if (step % 4 == 3)
            {
                cluster.AddWorker();
                cluster.AddWorker();
            }
        }), new RunOptions { Workers = workers, Shards = 3, Pipeline = stages, ComputeThreads = 1 });
        using (cluster)
        {
            var result = await cluster.RunAsync();
            Assert.True(killed >= 3, $"{killed} workers were killed");
            SameBitsTests.AssertSame(Oracle(job), result);
            Assert.True(cluster.StageUnits > 0);
            Assert.Contains(result.Warnings, w => w.Contains("is lost", StringComparison.Ordinal));
        }
    }
}
