using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;
using DistTrain.Kernels;

namespace DistTrain.Tests.Cli;

/// <summary>Averages end to end: of weights while training (EMA), and of answers when predicting (bagging, crops).</summary>
public sealed class EnsembleVerbTests : CommandFixture
{
    [Fact]
    public async Task Exported_average_weights_are_the_average_of_the_weights_after_every_step()
    {
        var trained = await Train("--set", "optimizer={ema: {of: {momentum: {lr: 0.02}}, decay: 0.8}}", "--set", "training.epochs=1", "--set", "cluster.workers=2");
        Assert.Equal(0, trained.Code);
        var run = Assert.Single(Directory.GetDirectories(Runs));
        var (weights, average) = (Path.Combine(Folder, "w.safetensors"), Path.Combine(Folder, "ema.safetensors"));
        Assert.Equal(0, (await Run("checkpoints", "export", run, "--out", weights, "-o", "json")).Code);
        Assert.Equal(0, (await Run("checkpoints", "export", run, "--weights", "ema", "--out", average, "-o", "json")).Code);

        // The same job step by step in one process; e <- e + (1 - d) / (1 - d^t)·(w - e) in double.
        var file = JobFile.Parse(File.ReadAllBytes(Path.Combine(run, "job.yaml")), "job.yaml");
        var job = JobPlanner.Plan(file, shardsMatter: false).Job;
        using var device = new CpuDevice(1);
        var trainer = new LocalTrainer(job, device);
        var (of, mean) = (new float[job.Layout.Length], new double[job.Layout.Length]);
        for (var t = 1; t <= job.TotalSteps; t++)
        {
            trainer.Run(untilStep: t);
            trainer.Weights.Read(0, of);
            for (var i = 0; i < mean.Length; i++) mean[i] += 0.2 / (1 - Math.Pow(0.8, t)) * (of[i] - mean[i]);
        }
        var (last, averaged) = (Values(weights, job.Layout), Values(average, job.Layout));
        foreach (var slice in job.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
        {
            Assert.Equal(of.AsSpan(slice.Offset, slice.Length).ToArray(), last[slice.Name]);
            for (var i = 0; i < slice.Length; i++) Assert.Equal(mean[slice.Offset + i], averaged[slice.Name][i], 1e-5);
            Assert.NotEqual(last[slice.Name], averaged[slice.Name]);
        }
    }

    [Fact]
    public async Task Bagged_runs_and_crops_are_averaged_when_predicting()
    {
        foreach (var seed in new[] { "1", "2", "3" })
            Assert.Equal(0, (await Train("--seed", seed, "--set", "training.epochs=1", "--set", "training.sampling=bootstrap", "--set", "data.format={digits: {train: 320, test: 60, seed: 5}}", "--set", $"name=bag{seed}")).Code);
        var runs = Directory.GetDirectories(Runs).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(3, runs.Length);
        double[] Of(Ended ended)
        {
            Assert.True(ended.Code == 0, ended.Error);
            return [.. ended.Json["probabilities"]!.AsArray().Select(p => p!.GetValue<double>())];
        }
        var single = new List<double[]>();
        foreach (var run in runs) single.Add(Of(await Run("predict", run, "test:3", "-o", "json")));
        var all = Of(await Run("predict", runs[0], "test:3", "--with", runs[1], "--with", runs[2], "-o", "json"));
        for (var i = 0; i < all.Length; i++) Assert.Equal(single.Average(s => s[i]), all[i], 2e-6);
        Assert.NotEqual(all, Of(await Run("predict", runs[0], "test:3", "--with", runs[1], runs[2], "--crops", "10", "-o", "json")));
        var refused = await Run("predict", runs[0], "test:3", "--crops", "3");
        Assert.Equal((2, true), (refused.Code, refused.Error.Contains("--crops is 3. It must be one of 1, 2, 5, 10.", StringComparison.Ordinal)));
    }

    private static Dictionary<string, float[]> Values(string path, ParameterLayout layout)
    {
        var vector = new float[layout.Length];
        Assert.Empty(StateDict.Read(path, layout, vector));
        return layout.Slices.Where(s => s.Kind == SliceKind.Parameter).ToDictionary(s => s.Name, s => vector.AsSpan(s.Offset, s.Length).ToArray());
    }
}
