using System.Globalization;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training;

/// <summary>Losses whose targets are several real values, an image, or three samples at a time: they train from a spec, with the same bits for one worker and for three.</summary>
public sealed class RealTargetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("[p, u, v]", "{linear: 3}", "mse", "")]
    [InlineData("[p, u, v]", "[{linear: 8}, tanh, {linear: 3}]", "huber", "")]
    [InlineData("[pc, u, v]", "{linear: 3}", "localization", "")]
    [InlineData("[p, q]", "{linear: 2}", "klDivergence", "")]
    [InlineData("[p, q]", "{linear: 2}", "binaryCrossEntropy", "")]
    [InlineData("[u, v, p, q]", "{linear: 4}", "content", "")]
    [InlineData("[u, p, p2, v]", "[{linear: 6}, {reshape: [2, 3]}]", "{style: {normalized: true}}", "[2, 2]")]
    [InlineData("[u, p, q, v, p2, pc]", "[{linear: 6}, {reshape: [2, 3]}]", "{style: {normalized: true}}", "[2, 3]")]
    [InlineData("[u, p, q, v]", "[{linear: 6}, {reshape: [2, 3]}]", "{style: {normalized: true}}", "[2, 2]")]
    public async Task Losses_of_several_real_targets_train_from_a_table(string columns, string model, string loss, string shape)
    {
        var path = Path.Combine(_folder, "table.csv");
        await File.WriteAllLinesAsync(path, ["a,b,p,q,p2,pc,u,v", .. Enumerable.Range(0, 120).Select(i =>
        {
            var (a, b) = (i % 11 / 5.0 - 1, i % 7 / 3.0 - 1);
            var p = 0.5 + 0.4 * a;
            return string.Create(CultureInfo.InvariantCulture, $"{a},{b},{p},{1 - p},{p},{(a > 0 ? 1 : 0)},{0.3 * a - b},{0.5 * b + 0.2}");
        })]);
        await Trains($"data.format={{csv: {{targetColumns: {columns}, targets: values{(shape.Length > 0 ? $", targetShape: {shape}" : "")}}}}}", $"data.path={path}", $"model={model}", $"loss={loss}");
    }

    [Theory]
    [InlineData("{noisy: {of: {digits: {train: 120, test: 40}}, deviation: 0.5}}", "[{conv2d: {out: 4, kernel: 3, padding: 1}}, relu, {conv2d: {out: 1, kernel: 3, padding: 1}}]", "mse")]
    [InlineData("{noisy: {of: {digits: {train: 120, test: 40}}, deviation: 0.5}}", "[{conv2d: {out: 4, kernel: 3, padding: 1}}, relu, {conv2d: {out: 1, kernel: 3, padding: 1}}]", "{content: {normalized: true}}")]
    [InlineData("{noisy: {of: {digits: {train: 120, test: 40}}, deviation: 0.2}}", "[{conv2d: {out: 4, kernel: 5, padding: 2}}, relu, {conv2d: {out: 1, kernel: 5, padding: 2}}, {reshape: [28, 28]}]", "{style: {normalized: true}}")]
    [InlineData("{triplets: {of: {digits: {train: 120, test: 40}}}}", "[{conv3d: {out: 4, kernel: 5, depth: 1}}, relu, {conv3d: {out: 1, kernel: 3, depth: 1}}, {reshape: [3, 0]}, {linear: 8}, l2Normalize]", "triplet")]
    public Task Losses_of_target_images_and_triplets_train_on_digits(string format, string model, string loss) => Trains($"data.format={format}", $"model={model}", $"loss={loss}");

    [Theory]
    [InlineData("{linear: 3}", "mse", "the model gives [3] for each sample and the data's targets are [2]. Both must be equal: let the last layer have 2 outputs.")]
    [InlineData("{linear: 3}", "localization", "the model gives [3] for each sample and the data's targets are [2]. Both must be equal, with Pc first on the last axis.")]
    [InlineData("{linear: 3}", "klDivergence", "the model gives [3] for each sample and the data's targets are [2]. Both must be equal, classes on the last axis.")]
    [InlineData("[{linear: 6}, {reshape: [2, 3]}]", "style", "the model gives [2, 3] for each sample and the data's targets are [2]. It must give features [C, ...], and the targets must be Gram matrices [C, C] or the style's features: [C, ...] of as many channels, or as many elements as the output.")]
    [InlineData("{linear: 6}", "triplet", "the model gives [6] for each sample. It must give [3, D]: the embeddings of anchor, positive and negative.")]
    public void Shapes_that_do_not_fit_are_refused(string model, string loss, string problem)
    {
        var path = Path.Combine(_folder, "table.csv");
        File.WriteAllLines(path, ["a,b,c", "1,2,3", "4,5,6", "7,8,9"]);
        var error = Assert.Throws<SpecException>(() => Plan("data.format={csv: {targetColumns: [b, c], targets: values}}", $"data.path={path}", $"model={model}", $"loss={loss}"));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    private static async Task Trains(params string[] job)
    {
        var plan = Plan(job);
        var trainer = new LocalTrainer(plan.Job);
        var oracle = trainer.Run();
        Assert.Equal(TrainingStatus.Completed, oracle.Status);
        Assert.True(oracle.TestLoss < trainer.Log[0].Loss, $"{trainer.Log[0].Loss} -> {oracle.TestLoss}");
        foreach (var workers in new[] { 1, 3 })
        {
            using var cluster = new EmbeddedCluster(plan.Job, plan.Options with { Workers = workers, Shards = workers, ComputeThreads = 1, CheckpointFolder = "" });
            SameBitsTests.AssertSame(oracle, await cluster.RunAsync());
        }
    }

    private static PlannedJob Plan(params string[] overrides) =>
        JobPlanner.Plan(JobFile.BuiltIn([.. new[] { "optimizer={adam: 0.02}", "training.epochs=4", "training.microBatches=4", "training.batchSize=24" }.Concat(overrides).Select(SpecOverride.Parse)]));
}
