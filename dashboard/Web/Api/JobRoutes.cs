using System.Text.Json;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>Jobs: submit, list, look, stop.</summary>
internal static class JobRoutes
{
    private const int LongestId = 64;

    public static async Task List(ApiRequest request) =>
        await Answer.JsonAsync(request.Http, [.. await request.Cluster.ListAsync(request.Cancellation).ConfigureAwait(false)], ClusterJson.Plain.JobStatusArray).ConfigureAwait(false);

    public static async Task Submit(ApiRequest request)
    {
        var http = request.Http;
        var limit = request.Of<IOptions<DashboardOptions>>().Value.MaxRequestBytes;
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = limit;
        if (http.Request.ContentLength > limit) throw new BadHttpRequestException("too large", StatusCodes.Status413PayloadTooLarge);
        if (http.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) != true)
            throw new BadHttpRequestException($"the body's type is \"{http.Request.ContentType}\". It must be application/json with id, spec and overrides.", StatusCodes.Status415UnsupportedMediaType);
        var submission = await JsonSerializer.DeserializeAsync(http.Request.Body, ClusterJson.Plain.JobSubmission, request.Cancellation).ConfigureAwait(false);
        var status = await request.Cluster.SubmitAsync(Checked(submission), request.Cancellation).ConfigureAwait(false);
        http.Response.Headers.Location = $"/api/v1/jobs/{Uri.EscapeDataString(status.Job)}";
        await Answer.JsonAsync(http, status, ClusterJson.Plain.JobStatus, StatusCodes.Status201Created).ConfigureAwait(false);
    }

    public static async Task Status(ApiRequest request) =>
        await Answer.JsonAsync(request.Http, await request.Cluster.GetAsync(request.Job, request.Cancellation).ConfigureAwait(false), ClusterJson.Plain.JobStatus).ConfigureAwait(false);

    public static async Task Spec(ApiRequest request)
    {
        var yaml = await request.Cluster.SpecAsync(request.Job, request.Cancellation).ConfigureAwait(false);
        request.Http.Response.ContentType = "application/yaml; charset=utf-8";
        await request.Http.Response.WriteAsync(yaml, request.Cancellation).ConfigureAwait(false);
    }

    /// <summary>?command= names the command, so that one sent again is the same one.</summary>
    public static async Task Stop(ApiRequest request)
    {
        var command = (string?)request.Http.Request.Query["command"] ?? "";
        if (command.Length > 0 && !IsId(command)) throw new ClusterException(ClusterError.Invalid, IdProblem("command", command));
        if (command.Length == 0) command = $"stop-{Guid.NewGuid():N}";
        await Answer.JsonAsync(request.Http, await request.Cluster.StopAsync(request.Job, command, request.Cancellation).ConfigureAwait(false), ClusterJson.Plain.JobStatus).ConfigureAwait(false);
    }

    public static async Task Why(ApiRequest request) =>
        await Answer.JsonAsync(request.Http, [.. await request.Cluster.WhyAsync(request.Job, request.Cancellation).ConfigureAwait(false)], ClusterJson.Plain.WaitReportArray).ConfigureAwait(false);

    public static async Task Members(ApiRequest request) =>
        await Answer.JsonAsync(request.Http, await request.Cluster.MembersAsync(request.Job, request.Cancellation).ConfigureAwait(false), ClusterJson.Plain.JobMembers).ConfigureAwait(false);

    public static async Task Checkpoints(ApiRequest request) =>
        await Answer.JsonAsync(request.Http, [.. await request.Cluster.CheckpointsAsync(request.Job, request.Cancellation).ConfigureAwait(false)], ClusterJson.Plain.CheckpointReportArray).ConfigureAwait(false);

    public static async Task Diagnosis(ApiRequest request) =>
        await Answer.JsonAsync(request.Http, await request.Cluster.DiagnoseAsync(request.Job, request.Cancellation).ConfigureAwait(false), ClusterJson.Plain.Verdict).ConfigureAwait(false);

    private static JobSubmission Checked(JobSubmission? given)
    {
        var problems = new List<string>();
        if (given is null) throw new ClusterException(ClusterError.Invalid, "the body is null. It must be an object with id, spec and overrides.");
        if (!IsId(given.Id ?? "")) problems.Add(IdProblem("id", given.Id ?? ""));
        if (string.IsNullOrWhiteSpace(given.Spec)) problems.Add("spec is empty. It must be a job spec as text, YAML or JSON.");
        if (given.Overrides?.Any(o => o is null) == true) problems.Add("overrides has a null in it. Each must be text such as optimizer.lr=0.01.");
        return problems.Count == 0 ? given with { Overrides = given.Overrides ?? [] } : throw new ClusterException(ClusterError.Invalid, problems);
    }

    private static bool IsId(string id) => id.Length is > 0 and <= LongestId && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');

    private static string IdProblem(string name, string id) => $"{name} is \"{(id.Length > LongestId ? id[..LongestId] + "..." : id)}\". It must be 1 to {LongestId} letters, digits, dashes, dots and underscores.";
}
