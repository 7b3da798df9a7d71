using DistTrain.Contracts;
using DistTrain.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>Who is missing is started again; what is no longer needed is let go.</summary>
public sealed class UpkeepTests
{
    [Fact]
    public async Task A_worker_that_is_lost_while_its_silo_stays_is_replaced_and_of_an_ended_job_nothing_stays_in_memory()
    {
        await using var cluster = await TrainingCluster.StartAsync(1);
        var services = cluster.Silos.Silos[0].ServiceProvider;
        var (runs, node, store) = (services.GetRequiredService<JobRuns>(), services.GetRequiredService<SiloNode>().Node!, services.GetRequiredService<IClusterStore>());
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission("replaced", TrainingCluster.Digits))).Job;
        await cluster.CommittedAsync(job, 5);
        var worker = Assert.Single(runs.MembersOf(job).Workers);
        node.RetireWorker(job, worker);
        var end = await cluster.EndAsync(job);
        Assert.True(end.State == JobStates.Succeeded, $"{end.State} after step {end.Step}: {end.Reason}");
        await foreach (var happened in cluster.Client.EventsAsync(job))
            if (happened.Kind == "workerLeft") Assert.True(happened.Step < end.TotalSteps, "the worker left after the last step.");

        await Until(() => Task.FromResult(runs.Find(job) is null && runs.MembersOf(job) is { Workers.Length: 0, Seats.Length: 0 } && node.MembersOf(job) is ([], []) && services.GetRequiredService<JobResolver>().Count == 0));
        // As Orleans does with what nobody has asked for in a while.
        var management = cluster.Silos.Client.GetGrain<IManagementGrain>(0);
        await Until(async () =>
        {
            await management.ForceActivationCollection(TimeSpan.Zero);
            return (await store.ListAsync(StoreKind.Holder, default)).Count == 0 && !(await management.GetSimpleGrainStatistics()).Any(s => s.ActivationCount > 0 && _ofOneJob.Any(g => s.GrainType.EndsWith(g, StringComparison.Ordinal)));
        });
    }

    private static readonly string[] _ofOneJob = [nameof(JobGrain), nameof(WorkerGrain), nameof(ParameterServerGrain), nameof(MetricsGrain)];

    private static async Task Until(Func<Task<bool>> met)
    {
        using var limit = new CancellationTokenSource(TrainingCluster.Limit);
        while (!await met()) await Task.Delay(50, limit.Token);
    }
}
