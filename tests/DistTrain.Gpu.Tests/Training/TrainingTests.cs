using DistTrain.Kernels;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Gpu.Tests;

/// <summary>Whole jobs on the simulator: the same weights, states and losses as on the CPU, to the last bit.</summary>
public sealed class TrainingTests
{
    [Theory]
    [InlineData("mlp", "[{averagePool2d: 4}, flatten, {linear: 12}, relu, {dropout: 0.2}, {linear: 10}]", "{adam: {lr: 0.01}}")]
    [InlineData("convolutions", "[{maxPool2d: 4}, {conv2d: {out: 2, kernel: 3}}, relu, {maxPool2d: 2}, flatten, {linear: 10}]", "{momentum: {lr: 0.05, mu: 0.9}}")]
    public void A_job_in_one_process_gives_the_bits_of_the_CPU(string name, string model, string optimizer)
    {
        using var simulator = GpuDevice.Simulator();
        using var cpu = new CpuDevice(1);
        var expected = new LocalTrainer(Job(name, model, optimizer), cpu).Run();
        var got = new LocalTrainer(Job(name, model, optimizer), simulator).Run();
        Assert.Equal(TrainingStatus.Completed, got.Status);
        Assert.Equal((expected.WeightsSha256, expected.StateSha256, expected.LossLogSha256), (got.WeightsSha256, got.StateSha256, got.LossLogSha256));
    }

    [Theory, InlineData(1), InlineData(2)]
    public async Task Workers_on_the_simulator_give_the_hash_of_one_process_on_the_CPU_with_and_without_a_pipeline(int stages)
    {
        const string model = "[{averagePool2d: 4}, flatten, {linear: 8}, tanh, {linear: 10}]";
        using var cpu = new CpuDevice(1);
        var expected = new LocalTrainer(Job("workers", model, "{adam: {lr: 0.01}}"), cpu).Run();
        using var cluster = new EmbeddedCluster(Job("workers", model, "{adam: {lr: 0.01}}"), new RunOptions { Workers = 2, Shards = 2, Device = "ilgpu-cpu", Pipeline = stages });
        var got = await cluster.RunAsync();
        Assert.True(got.Status == TrainingStatus.Completed, got.Error);
        Assert.Equal(stages > 1, cluster.StageUnits > 0);
        Assert.Equal((expected.WeightsSha256, expected.LossLogSha256), (got.WeightsSha256, got.LossLogSha256));
    }

    [Fact]
    public async Task A_run_on_a_device_that_is_not_here_says_so()
    {
        using var cluster = new EmbeddedCluster(Job("absent", "[flatten, {linear: 10}]", "{sgd: {lr: 0.1}}"), new RunOptions { Workers = 1, Shards = 1, Device = "gpu:97" });
        var got = await cluster.RunAsync();
        Assert.Equal(TrainingStatus.Failed, got.Status);
        Assert.Contains("device is \"gpu:97\" and is not here", got.Error, StringComparison.Ordinal);
    }

    private static ResolvedJob Job(string name, string model, string optimizer) => JobPlanner.Plan(JobFile.BuiltIn(
    [
        .. new[]
        {
            $"name={name}", "data.format={digits: {train: 16, test: 4}}", $"model={model}", $"optimizer={optimizer}",
            "training.epochs=1", "training.batchSize=8", "training.microBatches=2", "training.clipNorm=0.5",
        }.Select(SpecOverride.Parse),
    ])).Job;
}
