using System.Globalization;
using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training;

/// <summary>Losses that are finished at the step's decision: a sum over weights, a root of a mean. From a spec to the oracle's bits, with worker threads.</summary>
public sealed class LossBitsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Class_weights_and_ignored_labels_divide_by_the_sum_of_weights_of_the_whole_step()
    {
        var plan = Plan("data.format={digits: {train: 160, test: 48}}", "loss={crossEntropy: {classWeights: [1, 2, 0.5, 1, 3, 1, 1, 0.25, 1, 1], ignoreIndex: 7}}", "optimizer=sgd", "training.clipNorm=0.5");
        var trainer = new LocalTrainer(plan.Job);
        var oracle = trainer.Run();
        // About ln 10 for each weighted sample at the start, however the weights are scaled; the sum alone would be sixty times that.
        Assert.InRange(trainer.Log[0].Loss, 1.5, 3.5);
        Assert.InRange(oracle.TestLoss, 1.0, 3.5);
        Assert.InRange(trainer.Log[0].GradientNorm, 0.05, 10);
        using var cluster = new EmbeddedCluster(plan.Job, plan.Options with { Workers = 3, Shards = 3, ComputeThreads = 1, CheckpointFolder = "" });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    [Fact]
    public async Task The_root_of_a_mean_is_taken_once_over_the_whole_step()
    {
        var path = Path.Combine(_folder, "line.csv");
        await File.WriteAllLinesAsync(path, ["x,y", .. Enumerable.Range(0, 120).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % 17},{2 * (i % 17) - 3 + i % 5}"))]);
        var plan = Plan("data.format={csv: {target: y, targets: values}}", $"data.path={path}", "model={linear: 1}", "loss=rmse", "optimizer={sgd: 1.0}", "training.epochs=4");
        var trainer = new LocalTrainer(plan.Job);
        var oracle = trainer.Run();
        var squares = new LocalTrainer(Plan("data.format={csv: {target: y, targets: values}}", $"data.path={path}", "model={linear: 1}", "loss=mse", "optimizer={sgd: 1.0}", "training.epochs=4").Job);
        squares.Run();
        Assert.Equal(Math.Sqrt(squares.Log[0].Loss), trainer.Log[0].Loss, 1e-9);
        Assert.Equal(squares.Log[0].GradientNorm / (2 * Math.Sqrt(squares.Log[0].Loss)), trainer.Log[0].GradientNorm, 1e-6);
        Assert.True(oracle.TestLoss < trainer.Log[0].Loss);
        using var cluster = new EmbeddedCluster(plan.Job, plan.Options with { Workers = 2, Shards = 2, ComputeThreads = 1, CheckpointFolder = "" });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    private static PlannedJob Plan(params string[] overrides) =>
        JobPlanner.Plan(JobFile.BuiltIn([.. new[] { "model=[flatten, {linear: 10}]", "training.epochs=1", "training.microBatches=4", "training.batchSize=40", "cluster.shards=2" }.Concat(overrides).Select(SpecOverride.Parse)]));
}
