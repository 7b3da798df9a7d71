using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace DistTrain.Dashboard;

/// <summary>The page's static files, out of this assembly. They are the same for everybody and hold no data, so they need no token.</summary>
internal static class PageFiles
{
    private static readonly FrozenDictionary<string, string> Types = new Dictionary<string, string>
    {
        [".html"] = "text/html; charset=utf-8", [".js"] = "text/javascript; charset=utf-8", [".css"] = "text/css; charset=utf-8", [".svg"] = "image/svg+xml",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly Lazy<FrozenDictionary<string, PageFile>> _files = new(() => Read().ToFrozenDictionary(f => f.Name, StringComparer.Ordinal));

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/", [HttpMethods.Get], context => SendAsync(context, "index.html"));
        routes.MapMethods("/page/{**file}", [HttpMethods.Get], context => SendAsync(context, (string?)context.Request.RouteValues["file"] ?? ""));
    }

    private static async Task SendAsync(HttpContext context, string name)
    {
        if (!_files.Value.TryGetValue(name, out var file))
        {
            await Answer.ProblemAsync(context, StatusCodes.Status404NotFound, "notFound", ["there is no such file. The page is at /."]).ConfigureAwait(false);
            return;
        }
        context.Response.Headers.CacheControl = "no-cache"; // asked for again each time, sent again only when another version runs
        context.Response.Headers.ETag = file.Tag;
        if (context.Request.Headers.IfNoneMatch == file.Tag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        context.Response.ContentType = file.Type;
        context.Response.ContentLength = file.Bytes.Length;
        await context.Response.Body.WriteAsync(file.Bytes, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>uPlot is part of this build.</summary>
    internal static bool HasPlotLibrary => typeof(PageFiles).Assembly.GetManifestResourceInfo($"page/{PlotLibrary}") is not null;

    private const string PlotLibrary = "vendor/uPlot.esm.js";

    private static IEnumerable<PageFile> Read()
    {
        const string Prefix = "page/";
        // The page asks for it either way; "there is none" is an answer, where a missing file would be an error on the console.
        if (!HasPlotLibrary) yield return new PageFile(PlotLibrary, Types[".js"], "export default null;\n"u8.ToArray(), "\"none\"");
        var assembly = typeof(PageFiles).Assembly;
        foreach (var resource in assembly.GetManifestResourceNames())
        {
            var name = resource.Replace('\\', '/');
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !Types.TryGetValue(Path.GetExtension(name), out var type)) continue;
            using var stream = assembly.GetManifestResourceStream(resource)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            yield return new PageFile(name[Prefix.Length..], type, bytes, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 8))}\"");
        }
    }

    private sealed record PageFile(string Name, string Type, byte[] Bytes, string Tag);
}
