using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using DistTrain.Dashboard;

namespace DistTrain.Tests.Dashboard;

/// <summary>The server over a scripted cluster, on a free port of loopback, with a client that shows the token.</summary>
public abstract class ApiFixture : IAsyncLifetime
{
    protected const string Token = "a-token-for-tests-0123456789";

    internal ScriptedCluster Cluster { get; } = new();

    internal DashboardServer Server { get; private set; } = null!;

    protected HttpClient Client { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Server = await DashboardServer.StartAsync(Cluster, Options());
        Client = new HttpClient { BaseAddress = new Uri(Server.Address, "api/v1/"), DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Token) } };
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }

    protected virtual DashboardOptions Options() => new() { Token = Token, Heartbeat = TimeSpan.FromMilliseconds(50), MaxRequestBytes = 10_000 };

    protected static async Task<JsonObject> ObjectOf(HttpResponseMessage response) => (JsonObject)(await response.Content.ReadFromJsonAsync<JsonNode>())!;
}
