using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Jobs that a folder keeps, and what goes wrong with it.</summary>
public sealed class KeptJobTests : IDisposable
{
    private const string Spec = "apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: { name: kept }\nspec: { data: { format: { digits: { train: 64, test: 20 } } }, model: { mlp: { hidden: [8] } }, training: { epochs: 2, batchSize: 32 }, cluster: { computeThreads: 1 } }\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain-kept-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (EmbeddedTraining Training, KeptJobs Kept) Open() => EmbeddedTraining.Open(new EmbeddedTrainingOptions { Folder = _folder });

    [Fact]
    public async Task A_folder_has_one_server_at_a_time()
    {
        var (first, _) = Open();
        Assert.Contains($"{_folder} is in use by another server", Assert.Throws<IOException>(() => Open()).Message, StringComparison.Ordinal);
        await first.DisposeAsync();
        await Open().Training.DisposeAsync();
    }

    [Fact]
    public async Task A_record_that_is_damaged_is_named_and_the_others_are_there()
    {
        var (good, bad) = (await TrainAsync("a"), await TrainAsync("b"));
        File.WriteAllText(Record(bad), "{ \"form\": 1 ");
        var (training, kept) = Open();
        await using var trains = training;
        Assert.Contains($"the job kept in {Path.Combine(_folder, bad)} cannot be read", Assert.Single(kept.Problems), StringComparison.Ordinal);
        Assert.Equal(good, Assert.Single(await training.ListAsync()).Job);
    }

    [Fact]
    public async Task Points_after_a_torn_line_are_left_out_and_written_anew()
    {
        var job = await TrainAsync("a");
        var points = Path.Combine(_folder, job, "points.jsonl");
        var lines = File.ReadAllLines(points);
        Change(job, record => record["status"]!["state"] = "running");
        File.WriteAllText(points, string.Join('\n', lines[..2]) + "\n" + lines[2][..10]);
        var (training, _) = Open();
        await using (training)
        {
            await foreach (var _ in training.EventsAsync(job)) { }
            Assert.Equal(JobStates.Succeeded, (await training.GetAsync(job)).State);
        }
        Assert.Equal(lines.Length, File.ReadAllLines(points).Length);
        Assert.Equal(lines.Select(l => (double)JsonNode.Parse(l)!["loss"]!), File.ReadLines(points).Select(l => (double)JsonNode.Parse(l)!["loss"]!));
    }

    [Theory]
    [InlineData("stopping", 0, "stopped", "it was asked to stop, and the server ended before it had")]
    [InlineData("running", 5, "failed", "the server ended 5 times while it trained and had not come further than step 4.")]
    public async Task What_must_not_go_on_does_not(string state, int starts, string end, string reason)
    {
        var job = await TrainAsync("a");
        Change(job, record => (record["status"]!["state"], record["starts"], record["startedAt"]) = (state, starts, 4));
        var (training, _) = Open();
        await using var trains = training;
        await foreach (var _ in training.EventsAsync(job)) { }
        var status = await training.GetAsync(job);
        Assert.Equal(end, status.State);
        Assert.StartsWith(reason, status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_whose_spec_cannot_be_planned_any_more_has_failed_and_says_why()
    {
        var job = await TrainAsync("a");
        Change(job, record => (record["status"]!["state"], record["submission"]!["spec"]) = ("queued", Spec.Replace("mlp", "no-such-model", StringComparison.Ordinal)));
        for (var look = 0; look < 2; look++)
        {
            var (training, kept) = Open();
            await using var trains = training;
            Assert.Empty(kept.GoOn);
            var status = await training.GetAsync(job);
            Assert.Equal(JobStates.Failed, status.State);
            Assert.Contains("it cannot go on after a restart of the server:", status.Reason, StringComparison.Ordinal);
            Assert.Contains("no-such-model", status.Reason, StringComparison.Ordinal);
        }
    }

    private async Task<string> TrainAsync(string id)
    {
        var (training, _) = Open();
        await using var trains = training;
        var status = await training.SubmitAsync(new JobSubmission(id, Spec, []));
        await foreach (var _ in training.EventsAsync(status.Job)) { }
        return status.Job;
    }

    private string Record(string job) => Path.Combine(_folder, job, "job.json");

    private void Change(string job, Action<JsonNode> change)
    {
        var record = JsonNode.Parse(File.ReadAllText(Record(job)))!;
        change(record);
        File.WriteAllText(Record(job), record.ToJsonString());
    }
}
