using System.Net;
using Microsoft.AspNetCore.Http;

namespace DistTrain.Silo;

/// <summary>
/// Which requests to drain a page in a browser on this machine may have sent: they come from loopback too. A page cannot add <see cref="Header"/> to a request to
/// another site without asking first, which is never granted here; a name that resolves to loopback (DNS rebinding) is not one of ours.
/// </summary>
internal static class DrainRefusal
{
    public const string Header = "X-DistTrain-Drain";

    /// <summary>Why not; null = it may be done.</summary>
    public static string? Of(HttpRequest request)
    {
        if (request.Headers.Origin.Count > 0) return "drain is not for pages: leave out Origin";
        foreach (var site in request.Headers["Sec-Fetch-Site"])
            if (site is not ("none" or "same-origin")) return "drain is not for pages of other sites";
        if (!string.Equals(request.Host.Host, "localhost", StringComparison.OrdinalIgnoreCase) && !IPAddress.TryParse(request.Host.Host, out _)) return "Host must be localhost or an address";
        return request.Headers[Header] == "1" ? null : $"drain asks for the header {Header}: 1";
    }
}
