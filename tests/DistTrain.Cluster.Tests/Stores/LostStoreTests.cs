using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using DistTrain.Cluster.Tests.Training;
using DistTrain.Contracts;
using DistTrain.Dashboard;
using DistTrain.Grains;
using Npgsql;

namespace DistTrain.Cluster.Tests.Stores;

/// <summary>What those who ask are told while the store is away.</summary>
public sealed class LostStoreTests
{
    private const string Token = "0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task While_the_store_is_away_every_question_is_answered_with_that()
    {
        LosableStore? store = null;
        await using var cluster = await TrainingCluster.StartAsync(1, store: folder => store = new LosableStore(new FolderStore(Path.Combine(folder, "store"))));
        await using var server = await DashboardServer.StartAsync(cluster.Client, new DashboardOptions { Token = Token });
        using var client = new HttpClient { BaseAddress = new Uri(server.Address, "api/v1/"), DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Token) } };
        await cluster.Client.ListAsync();

        store!.IsLost = true;
        var submission = TrainingCluster.Submission("lost-store");
        foreach (var ask in new Func<Task>[] { () => cluster.Client.ListAsync(), () => cluster.Client.SubmitAsync(submission) })
        {
            var refused = await Assert.ThrowsAsync<ClusterException>(ask);
            Assert.Equal(ClusterError.Unreachable, refused.Error);
            Assert.Contains("store does not answer now", refused.Message, StringComparison.Ordinal);
        }
        using var answer = await client.PostAsJsonAsync("jobs", new { id = submission.Id, spec = submission.Spec, overrides = Array.Empty<string>() });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal("unreachable", (string)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["title"]!);

        store.IsLost = false;
        Assert.StartsWith("digits", (await cluster.Client.SubmitAsync(submission)).Job, StringComparison.Ordinal);
    }

    /// <summary>A store that a test takes away.</summary>
    private sealed class LosableStore(IClusterStore store) : IClusterStore
    {
        public bool IsLost { get; set; }

        // As the database's driver says it.
        private IClusterStore There => IsLost ? throw new NpgsqlException("Failed to connect to 10.0.0.5:5432") : store;

        public Task PrepareAsync(CancellationToken cancellation) => There.PrepareAsync(cancellation);

        public Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation) => There.ReadAsync(kind, key, cancellation);

        public Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation) => There.WriteAsync(kind, key, text, expected, cancellation);

        public Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation) => There.ListAsync(kind, cancellation);

        public Task RemoveAsync(string kind, string key, CancellationToken cancellation) => There.RemoveAsync(kind, key, cancellation);

        public Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation) => There.AppendAsync(job, events, cancellation);

        public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) => There.EventsAsync(job, cancellation);
    }
}
