using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Training;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>The digits job, with LeNet and with a perceptron, as a pipeline whose stages run on different Orleans silos has the bits of one worker that runs it whole.</summary>
public sealed class PipelineTests
{
    private static readonly Dictionary<string, string[]> _jobs = new()
    {
        ["lenet"] = TrainingCluster.Digits,
        ["mlp"] = [.. TrainingCluster.Digits, "model={ mlp: { hidden: [48, 32] } }"],
    };

    private static readonly Dictionary<string, Lazy<Task<TrainingResult>>> _whole = _jobs.ToDictionary(j => j.Key, j => new Lazy<Task<TrainingResult>>(() => TrainingCluster.EmbeddedAsync(j.Value)));

    // One crew of two, one of three, two crews of two.
    [Theory, InlineData("lenet", 2, 2), InlineData("lenet", 3, 3), InlineData("lenet", 2, 4), InlineData("mlp", 2, 2), InlineData("mlp", 3, 3)]
    public async Task Stages_on_silos_do_not_change_bits(string model, int stages, int workers)
    {
        await using var cluster = await TrainingCluster.StartAsync((short)Math.Min(stages, 3));
        var job = (await cluster.Client.SubmitAsync(Submission($"pipeline-{model}-{stages}-{workers}", stages, workers, model))).Job;
        var units = new HashSet<string>();
        await foreach (var point in cluster.Client.MetricsAsync(job))
            if (point.Step % 8 == 0) Look(cluster, job, units);
        await SameAsync(await cluster.EndAsync(job), model);
        Assert.True(units.Count >= 2, $"{units.Count} silos have run stages");
    }

    [Fact]
    public async Task A_silo_that_is_killed_under_a_pipeline_changes_no_bit()
    {
        await using var cluster = await TrainingCluster.StartAsync(3);
        var job = (await cluster.Client.SubmitAsync(Submission("pipeline-killed", 2, 4))).Job;
        await cluster.CommittedAsync(job, 10);
        var (_, other) = await cluster.SilosOfAsync(job);
        await cluster.Silos.KillSiloAsync(other);
        await SameAsync(await cluster.EndAsync(job));
    }

    private static JobSubmission Submission(string id, int stages, int workers, string model = "lenet") =>
        TrainingCluster.Submission(id, [.. _jobs[model], $"cluster.parallel.pipeline={stages}", $"cluster.workers={workers}"]);

    private static void Look(TrainingCluster cluster, string job, HashSet<string> units)
    {
        foreach (var silo in cluster.Silos.Silos)
            if (silo.ServiceProvider.GetRequiredService<SiloNode>().Node is { } node && node.StageUnitsOf(job) > 0) units.Add(node.Address.Name);
    }

    private static async Task SameAsync(JobStatus end, string model = "lenet")
    {
        var whole = await _whole[model].Value;
        Assert.True(end.State == JobStates.Succeeded, $"{end.State} after step {end.Step}: {end.Reason}");
        Assert.Equal(whole.WeightsSha256, end.WeightsSha256);
        Assert.Equal(whole.StateSha256, end.StateSha256);
        Assert.Equal(whole.LossLogSha256, end.LossLogSha256);
    }
}
