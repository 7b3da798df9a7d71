using System.Text.Json;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>Every route of the API, version 1. A route is a few lines over <see cref="ITrainingCluster"/>; what can go wrong is caught in one place.</summary>
internal static class Routes
{
    public const string Api = "/api";

    private static readonly TimeSpan LastWord = TimeSpan.FromMilliseconds(500);

    private const string V1 = "/api/v1";

    public static void Map(IEndpointRouteBuilder routes)
    {
        Get("/jobs", JobRoutes.List);
        Post("/jobs", JobRoutes.Submit, slow: true);
        Get("/jobs/{job}", JobRoutes.Status);
        Get("/jobs/{job}/spec", JobRoutes.Spec);
        Post("/jobs/{job}/stop", JobRoutes.Stop);
        Get("/jobs/{job}/why", JobRoutes.Why);
        Get("/jobs/{job}/members", JobRoutes.Members);
        Get("/jobs/{job}/checkpoints", JobRoutes.Checkpoints);
        Get("/jobs/{job}/checkpoints/{step}/files", CheckpointRoutes.Files, streams: true);
        Get("/jobs/{job}/diagnosis", JobRoutes.Diagnosis);
        Get("/jobs/{job}/events", EventRoutes.Events, streams: true);
        Get("/jobs/{job}/metrics", MetricRoutes.Metrics, streams: true);
        Get("/jobs/{job}/live", LiveRoutes.Job, streams: true);
        Get("/live", LiveRoutes.Jobs, streams: true);
        Get("/version", ServerRoutes.Version);
        Get("/health", ServerRoutes.Health);
        routes.MapFallback(Api + "/{**rest}", context => Answer.ProblemAsync(context, StatusCodes.Status404NotFound, "notFound", [$"there is nothing at {context.Request.Method} {context.Request.Path}. The API's routes begin with {V1}/; see docs/http-api.md."]));

        void Get(string route, ApiRoute answer, bool streams = false) => routes.MapMethods(V1 + route, [HttpMethods.Get], Guarded(answer, streams));
        void Post(string route, ApiRoute answer, bool slow = false) => routes.MapMethods(V1 + route, [HttpMethods.Post], Guarded(answer, streams: false, slow));
    }

    /// <param name="streams">Lasts as long as the viewer wants; others are bounded by <see cref="DashboardOptions.Patience"/>.</param>
    /// <param name="slow">A spec is tried on its data before it is accepted: ten times the patience.</param>
    private static RequestDelegate Guarded(ApiRoute answer, bool streams, bool slow = false) => async context =>
    {
        var services = context.RequestServices;
        var patience = services.GetRequiredService<IOptions<DashboardOptions>>().Value.Patience * (slow ? 10 : 1);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        if (!streams) limit.CancelAfter(patience);
        // A server that stops lets streams say their last word, and does not wait for those that would go on.
        using var stopping = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => limit.CancelAfter(LastWord));
        try
        {
            await answer(new ApiRequest(context, services.GetRequiredService<ITrainingCluster>(), limit.Token)).ConfigureAwait(false);
        }
        catch (ClusterException refused) when (!context.Response.HasStarted)
        {
            await Answer.ProblemAsync(context, refused).ConfigureAwait(false);
        }
        catch (JsonException wrong) when (!context.Response.HasStarted)
        {
            await Answer.ProblemAsync(context, StatusCodes.Status400BadRequest, "invalid", [$"the body is not what this route takes: {wrong.Message}"]).ConfigureAwait(false);
        }
        catch (BadHttpRequestException wrong) when (!context.Response.HasStarted)
        {
            await Answer.ProblemAsync(context, wrong.StatusCode, "invalid", [wrong.StatusCode == StatusCodes.Status413PayloadTooLarge ? "the body is too large. A job spec is at most 1 MiB." : wrong.Message]).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The viewer left.
        }
        catch (OperationCanceledException) when (context.Response.HasStarted)
        {
            // The server stops; the viewer asks again with the last id it saw.
        }
        catch (OperationCanceledException) when (!context.Response.HasStarted)
        {
            await Answer.ProblemAsync(context, StatusCodes.Status504GatewayTimeout, "unreachable", [$"the cluster did not answer within {patience.TotalSeconds:F0} s. Ask again."]).ConfigureAwait(false);
        }
        catch (Exception broken) when (!context.Response.HasStarted && broken is not OutOfMemoryException)
        {
            // What nobody thought of: the log says what it was, the answer only that it is not the viewer's fault.
            Broken(services.GetRequiredService<ILoggerFactory>().CreateLogger("DistTrain.Dashboard"), context.Request.Method, context.Request.Path, broken);
            await Answer.ProblemAsync(context, StatusCodes.Status500InternalServerError, "internal", ["the server failed at this request; its log says why. Ask again; where it stays so, report it with the log."]).ConfigureAwait(false);
        }
    };

    private static readonly Action<ILogger, string, string, Exception?> Broken = LoggerMessage.Define<string, string>(LogLevel.Error, new EventId(1, nameof(Broken)), "{Method} {Path} failed");
}

/// <summary>What a route answers.</summary>
internal delegate Task ApiRoute(ApiRequest request);

/// <summary>A request that was let in.</summary>
/// <param name="Cancellation">Ends with the viewer, or when patience ends.</param>
internal readonly record struct ApiRequest(HttpContext Http, ITrainingCluster Cluster, CancellationToken Cancellation)
{
    /// <exception cref="ClusterException">It cannot be a job's id.</exception>
    public string Job => (string)Http.Request.RouteValues["job"]! is { Length: <= 128 } job ? job : throw new ClusterException(ClusterError.NotFound, "the job's id is longer than 128 characters; no job has such an id.");

    public T Of<T>() where T : notnull => Http.RequestServices.GetRequiredService<T>();

    /// <summary>A whole number of the query; null where it is not given.</summary>
    /// <exception cref="ClusterException">It is not one, or out of bounds.</exception>
    public long? Number(string name, long from, long to)
    {
        if (!Http.Request.Query.TryGetValue(name, out var text)) return null;
        return long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= from && number <= to ? number
            : throw new ClusterException(ClusterError.Invalid, $"{name} is \"{text}\". It must be a whole number from {from} to {to}.");
    }

    /// <summary>The viewer asks for server-sent events.</summary>
    public bool WantsStream => Http.Request.Headers.Accept.Any(a => a?.Contains("text/event-stream", StringComparison.OrdinalIgnoreCase) == true);

    /// <summary>After which sequence number to go on: ?after=, or the Last-Event-ID of a connection that was lost, which is newer.</summary>
    public long After => Http.Request.Headers["Last-Event-ID"] is [{ } last, ..] && long.TryParse(last, out var sequence) && sequence >= 0 ? sequence : Number("after", 0, long.MaxValue) ?? 0;
}
