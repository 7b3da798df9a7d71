using System.Reflection;
using System.Runtime.InteropServices;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>The server itself.</summary>
internal static class ServerRoutes
{
    private static readonly string ProductVersion = (typeof(ServerRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    public static Task Version(ApiRequest request) =>
        Answer.JsonAsync(request.Http, new ServerVersion("DistTrain", ProductVersion, "v1", RuntimeInformation.FrameworkDescription, request.Of<IOptions<DashboardOptions>>().Value.Title), ClusterJson.Plain.ServerVersion);

    /// <summary>503 where the cluster behind it does not answer.</summary>
    public static async Task Health(ApiRequest request)
    {
        try
        {
            await request.Cluster.ListAsync(request.Cancellation).ConfigureAwait(false);
        }
        catch (Exception down) when (down is ClusterException or OperationCanceledException && !request.Http.RequestAborted.IsCancellationRequested)
        {
            await Answer.JsonAsync(request.Http, new ServerHealth("unhealthy", down.Message), ClusterJson.Plain.ServerHealth, StatusCodes.Status503ServiceUnavailable).ConfigureAwait(false);
            return;
        }
        await Answer.JsonAsync(request.Http, new ServerHealth("healthy", ""), ClusterJson.Plain.ServerHealth).ConfigureAwait(false);
    }
}
