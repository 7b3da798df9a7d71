using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Training.Specs;
using Microsoft.Extensions.DependencyInjection;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>Wherever a store fails or a silo dies while a job is accepted: what is trained is what was accepted, an accepted job is looked after, and one that has ended no more.</summary>
public sealed class AcceptanceTests
{
    private static readonly string[] _short = ["training.epochs=1", "training.batchSize=64"];

    [Fact]
    public async Task A_spec_that_is_changed_after_a_failed_submission_is_what_trains()
    {
        StoreInHand? store = null;
        await using var cluster = await TrainingCluster.StartAsync(1, store: folder => store = new StoreInHand(new FolderStore(Path.Combine(folder, "store"))));
        store!.FailNext(StoreKind.Submission);
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Client.SubmitAsync(TrainingCluster.Submission("changed", "training.epochs=3", "training.batchSize=64")));
        Assert.Empty(await cluster.Client.ListAsync());

        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission("changed", _short))).Job;
        var end = await cluster.EndAsync(job);
        Assert.Equal(JobStates.Succeeded, end.State);
        Assert.Equal(end.StepsPerEpoch, end.TotalSteps);
    }

    // The submission is there, then the silo dies: before the job is open, or before its entry is there.
    [Fact]
    public async Task A_submission_that_a_crash_cuts_short_becomes_a_job_that_is_looked_after()
    {
        StoreInHand? store = null;
        await using var cluster = await TrainingCluster.StartAsync(1, store: folder => store = new StoreInHand(new FolderStore(Path.Combine(folder, "store"))));
        foreach (var (id, missing, again) in new[] { ("not-open", StoreKind.Open, true), ("no-entry", StoreKind.Job, false) })
        {
            var submission = TrainingCluster.Submission(id, _short);
            var job = JobEntry.IdOf("digits", id);
            store!.FailNext(missing);
            await Assert.ThrowsAnyAsync<Exception>(() => cluster.Client.SubmitAsync(submission));
            // What is not open, nobody has accepted: its sender is told so, and sends it again. What is, needs no second time.
            Assert.Equal(again, await store.ReadAsync(StoreKind.Open, job, default) is null);
            if (again)
            {
                var wasOpen = false;
                store.BeforeWrite = async (kind, key) => wasOpen |= kind == StoreKind.Job && await store.ReadAsync(StoreKind.Open, key, default) is not null;
                Assert.Equal(job, (await cluster.Client.SubmitAsync(submission)).Job);
                Assert.True(wasOpen, "the job's entry was there before it was open.");
            }
            await Until(async () => await store.ReadAsync(StoreKind.End, job, default) is not null);
            Assert.Equal(JobStates.Succeeded, (await cluster.Client.GetAsync(job)).State);
            await Until(async () => await store.ReadAsync(StoreKind.Open, job, default) is null);
        }

        // The other end: its end was written, and whoever wrote it died before the job was closed.
        var ended = JobEntry.IdOf("digits", "no-entry");
        await store!.WriteAsync(StoreKind.Open, ended, "no-entry", 0, default);
        await Until(async () => await store.ReadAsync(StoreKind.Open, ended, default) is null);
    }

    [Fact]
    public async Task A_job_whose_start_takes_long_holds_up_no_other()
    {
        StoreInHand? store = null;
        await using var cluster = await TrainingCluster.StartAsync(1, store: folder => store = new StoreInHand(new FolderStore(Path.Combine(folder, "store"))));
        var runs = cluster.Silos.Silos[0].ServiceProvider.GetRequiredService<JobRuns>();
        var spec = JobFile.BuiltIn(SpecOverride.Parse("training.epochs=1")).Spec;
        var slow = new JobEntry("slow-00000001", "slow", "slow", SpecWriter.ToJson(spec).ToJsonString(), SpecWriter.ToYaml(spec), DateTimeOffset.UnixEpoch);
        await store!.WriteAsync(StoreKind.Job, slow.Job, slow.ToText(), 0, default);
        var (held, let) = (new TaskCompletionSource(), new TaskCompletionSource());
        store.BeforeRead = (kind, key) =>
        {
            if (kind != StoreKind.End || key != slow.Job) return Task.CompletedTask;
            held.TrySetResult();
            return let.Task;
        };
        var starting = runs.EnsureAsync(slow.Job);
        await held.Task.WaitAsync(TrainingCluster.Limit);

        var quick = await cluster.Client.SubmitAsync(TrainingCluster.Submission("quick", _short)).WaitAsync(TrainingCluster.Limit);
        Assert.Equal(JobStates.Succeeded, (await cluster.EndAsync(quick.Job)).State);
        Assert.False(starting.IsCompleted);
        let.SetResult();
        await starting.WaitAsync(TrainingCluster.Limit);
        Assert.NotNull(runs.Find(slow.Job));
    }

    private static async Task Until(Func<Task<bool>> met)
    {
        using var limit = new CancellationTokenSource(TrainingCluster.Limit);
        while (!await met()) await Task.Delay(50, limit.Token);
    }
}
