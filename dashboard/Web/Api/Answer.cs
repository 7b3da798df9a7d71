using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Http;

namespace DistTrain.Dashboard;

/// <summary>How the API answers: JSON by <see cref="ClusterJson"/>, problems as RFC 9457 has them.</summary>
internal static class Answer
{
    public static async Task JsonAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        await JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted).ConfigureAwait(false);
    }

    public static async Task ProblemAsync(HttpContext context, int status, string title, IReadOnlyList<string> problems)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        await JsonSerializer.SerializeAsync(context.Response.Body, Report(status, title, problems), ClusterJson.Plain.ProblemReport, context.RequestAborted).ConfigureAwait(false);
    }

    public static Task ProblemAsync(HttpContext context, ClusterException refused) => ProblemAsync(context, StatusOf(refused.Error), TitleOf(refused.Error), refused.Problems);

    public static ProblemReport Report(ClusterException refused) => Report(StatusOf(refused.Error), TitleOf(refused.Error), refused.Problems);

    private static ProblemReport Report(int status, string title, IReadOnlyList<string> problems) => new("about:blank", title, status, string.Join("\n", problems), problems);

    private static string TitleOf(ClusterError error) => JsonNamingPolicy.CamelCase.ConvertName(error.ToString());

    private static int StatusOf(ClusterError error) => error switch
    {
        ClusterError.Invalid => StatusCodes.Status422UnprocessableEntity,
        ClusterError.NotFound => StatusCodes.Status404NotFound,
        ClusterError.Conflict => StatusCodes.Status409Conflict,
        ClusterError.NotAllowed => StatusCodes.Status403Forbidden,
        _ => StatusCodes.Status503ServiceUnavailable,
    };
}
