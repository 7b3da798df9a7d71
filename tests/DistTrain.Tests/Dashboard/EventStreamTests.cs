using System.Text.Json.Nodes;

namespace DistTrain.Tests.Dashboard;

/// <summary>Server-sent events: ids, resuming, heartbeats, the end.</summary>
public sealed class EventStreamTests : ApiFixture
{
    private sealed record Sent(string Name, string Id, JsonNode Data);

    [Fact]
    public async Task Points_carry_their_sequence_as_id_and_the_stream_ends_with_the_status()
    {
        for (var i = 0; i < 3; i++) Cluster.Step();
        using var reader = await OpenAsync("jobs/job-1/metrics");
        foreach (var id in new[] { "1", "2", "3" }) Assert.Equal(("step", id), Named(await NextAsync(reader)));
        Cluster.Step(loss: 7);
        var live = await NextAsync(reader);
        Assert.Equal(("step", "4"), Named(live));
        Assert.Equal(7, (double)live.Data["loss"]!);
        Cluster.End();
        var end = await NextAsync(reader);
        Assert.Equal(("end", "4"), Named(end));
        Assert.Equal("succeeded", (string)end.Data["state"]!);
        Assert.Null(await reader.ReadLineAsync());
    }

    [Theory]
    [InlineData("?after=2", null, "3")]
    [InlineData("", "4", "5")]
    [InlineData("?after=2", "4", "5")]
    public async Task A_viewer_that_lost_its_connection_goes_on_after_the_last_it_saw(string query, string? lastId, string first)
    {
        for (var i = 0; i < 6; i++) Cluster.Event($"event {i + 1}");
        using var reader = await OpenAsync("jobs/job-1/events" + query, lastId);
        Assert.Equal(("event", first), Named(await NextAsync(reader)));
    }

    [Fact]
    public async Task A_silent_stream_says_a_word_so_that_a_dead_connection_shows()
    {
        using var reader = await OpenAsync("jobs/job-1/events");
        string? line;
        do line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));
        while (line is not null && !line.StartsWith(": ", StringComparison.Ordinal));
        Assert.Equal(": still here", line);
    }

    [Fact]
    public async Task The_live_stream_brings_points_in_batches_events_and_how_the_job_stands()
    {
        for (var i = 0; i < 40; i++) Cluster.Step();
        Cluster.Event("worker 1 joins");
        using var reader = await OpenAsync("jobs/job-1/live?after=30");
        var (seen, points) = (new HashSet<string>(), 30L);
        while (!seen.IsSupersetOf(["points", "event", "status", "members", "waits", "verdict", "checkpoints"]))
        {
            var sent = await NextAsync(reader);
            seen.Add(sent.Name);
            if (sent.Name != "points") continue;
            foreach (var point in sent.Data["points"]!.AsArray()) Assert.Equal(++points, (long)point!["sequence"]!);
            Assert.StartsWith($"{points}.", sent.Id, StringComparison.Ordinal);
        }
        Assert.Equal(40, points);
        Cluster.End();
        Sent last;
        do last = await NextAsync(reader);
        while (last.Name != "end");
        Assert.Equal("40.1", last.Id);
        using var again = await OpenAsync("jobs/job-1/live", "38.1");
        Sent next;
        do
        {
            next = await NextAsync(again);
            Assert.NotEqual("event", next.Name);
        }
        while (next.Name != "points");
        Assert.Equal(39, (long)next.Data["points"]![0]!["sequence"]!);
    }

    [Fact]
    public async Task A_viewer_that_leaves_or_never_reads_costs_the_others_nothing()
    {
        using var reader = await OpenAsync("jobs/job-1/metrics");
        using var never = await OpenAsync("jobs/job-1/metrics");
        using (await OpenAsync("jobs/job-1/metrics")) { }
        for (var i = 0; i < 50_000; i++) Cluster.Step();
        for (var i = 1; i <= 50_000; i++) Assert.Equal(i.ToString(System.Globalization.CultureInfo.InvariantCulture), (await NextAsync(reader)).Id);
    }

    private static (string Name, string Id) Named(Sent sent) => (sent.Name, sent.Id);

    private async Task<StreamReader> OpenAsync(string path, string? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Accept", "text/event-stream" } } };
        if (lastId is not null) request.Headers.Add("Last-Event-ID", lastId);
        var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        return new StreamReader(await response.Content.ReadAsStreamAsync());
    }

    private static async Task<Sent> NextAsync(StreamReader reader)
    {
        var (name, id, data) = ("", "", "");
        while (true)
        {
            var line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)) ?? throw new EndOfStreamException($"the stream ended after {name} {id}");
            if (line.Length == 0 && data.Length > 0) return new Sent(name, id, JsonNode.Parse(data)!);
            if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
            else if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal)) data = line[6..];
        }
    }
}
