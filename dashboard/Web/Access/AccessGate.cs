using System.Net;
using DistTrain.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>Before anything else looks at a request: security headers on every answer, known host names only, and the token for everything below /api.</summary>
public sealed class AccessGate(RequestDelegate next, BearerToken token, IOptions<DashboardOptions> options)
{
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (!IsKnown(context.Request.Host))
            return Answer.ProblemAsync(context, StatusCodes.Status421MisdirectedRequest, "unknownHost", [$"the request is for host \"{context.Request.Host.Host}\", which this server does not go by. Use the link that it printed, or add the name to its hosts."]);
        if (context.Request.Headers.Origin is [{ } origin, ..] && !IsSame(origin, context.Request))
            return Answer.ProblemAsync(context, StatusCodes.Status403Forbidden, "otherOrigin", [$"the request comes from a page of {(origin.Length > 200 ? "another site" : origin)}. Only this server's own page and programs may ask."]);
        if (!context.Request.Path.StartsWithSegments(Routes.Api)) return next(context);
        headers.CacheControl = "no-store";
        if (token.Admits(context.Request)) return next(context);
        headers.WWWAuthenticate = "Bearer realm=\"disttrain\"";
        return Answer.ProblemAsync(context, StatusCodes.Status401Unauthorized, "notAllowed", ["there is no valid token in the request. Send the one that the server printed at its start: Authorization: Bearer TOKEN (the command reads --token or DISTTRAIN_TOKEN)."]);
    }

    private bool IsKnown(HostString host)
    {
        var name = host.Host.Trim('[', ']');
        if (name.Length == 0) return false;
        // A name can be made to mean another address while a page is open (DNS rebinding); an address always means itself.
        if (name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(name, out _)) return true;
        foreach (var known in options.Value.Hosts)
            if (known == "*" || known.Equals(name, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }

    // Behind a proxy that ends TLS the scheme differs; host and port, as the browser wrote them, do not. Neither writes its scheme's own port.
    private static bool IsSame(string origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Host.Trim('[', ']').Equals(request.Host.Host.Trim('[', ']'), StringComparison.OrdinalIgnoreCase)
            && (request.Host.Port is { } port ? uri.Port == port : uri.IsDefaultPort);
}
