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

    [Theory]
    [InlineData("{crossEntropy: {classWeights: [1, 2, 0.5, 1, 3, 1, 1, 0.25, 1, 1], ignoreIndex: 7}}", "adam", 3)]
    [InlineData("{crossEntropy: {ignoreIndex: 2, labelSmoothing: 0.1}}", "{lars: {lr: 0.5}}", 2)]
    [InlineData("{semiHardTriplet: 0.5}", "{sgd: 0.1}", 4)]
    public async Task Side_losses_have_a_gradient_of_their_own_beside_a_loss_with_a_factor(string loss, string optimizer, int shards)
    {
        string[] job = ["data.format={digits: {train: 120, test: 40}}", "model=[flatten, {linear: 12}, relu, {sparsity: 0.01}, {auxiliary: {head: [{linear: 10}], weight: 0.3}}, {linear: 10}]", $"loss={loss}", $"optimizer={optimizer}", "training.clipNorm=0.5", "training.l2=0.001"];
        var plan = Plan(job);
        Assert.NotEmpty(plan.Job.Layout.Sides);
        var trainer = new LocalTrainer(plan.Job);
        var oracle = trainer.Run();
        var without = new LocalTrainer(Plan([.. job, "model=[flatten, {linear: 12}, relu, {sparsity: 0}, {auxiliary: {head: [{linear: 10}], weight: 0.3}}, {linear: 10}]"]).Job);
        without.Run();
        Assert.Equal(without.Log[0].Loss, trainer.Log[0].Loss); // the reported loss is without the term; the gradient is not
        Assert.NotEqual(without.Log[0].GradientNorm, trainer.Log[0].GradientNorm);
        using var cluster = new EmbeddedCluster(plan.Job, plan.Options with { Workers = 3, Shards = shards, ComputeThreads = 1, CheckpointFolder = "" });
        SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
    }

    [Fact]
    public void A_pipeline_beside_such_a_loss_is_refused_and_says_which_layer()
    {
        var error = Assert.Throws<SpecException>(() => Plan("data.format={digits: {train: 120, test: 40}}", "model=[flatten, {linear: 12}, relu, {sparsity: 0.01}, {linear: 10}]", "loss={crossEntropy: {ignoreIndex: 7}}", "cluster.parallel.pipeline=2"));
        Assert.Contains("spec.cluster.parallel.pipeline is 2. It must be 1: the loss is crossEntropy, whose factor is known at the end of a step, and layer 3 (sparsity) has a term of its own, so each sample runs twice.", error.Message, StringComparison.Ordinal);
    }

    private static PlannedJob Plan(params string[] overrides) =>
        JobPlanner.Plan(JobFile.BuiltIn([.. new[] { "model=[flatten, {linear: 10}]", "training.epochs=1", "training.microBatches=4", "training.batchSize=40", "cluster.shards=2" }.Concat(overrides).Select(SpecOverride.Parse)]));
}
