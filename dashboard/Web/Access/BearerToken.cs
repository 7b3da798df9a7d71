using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace DistTrain.Dashboard;

/// <summary>The one token of a server. Compared as SHA-256 in constant time, so neither contents nor length show in how long an answer takes.</summary>
public sealed class BearerToken
{
    private readonly byte[]? _expected;

    public BearerToken(IOptions<DashboardOptions> options)
    {
        if (!options.Value.RequireToken) return;
        Value = options.Value.Token.Length > 0 ? options.Value.Token : DashboardOptions.NewToken();
        _expected = Digest(Value);
    }

    /// <summary>For the link that is printed once; empty where none is asked for.</summary>
    public string Value { get; } = "";

    public bool Admits(HttpRequest request)
    {
        if (_expected is null) return true;
        var header = request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } value || !value.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return false;
        return CryptographicOperations.FixedTimeEquals(Digest(value["Bearer ".Length..].Trim()), _expected);
    }

    private static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
