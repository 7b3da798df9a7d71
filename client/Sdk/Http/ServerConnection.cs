using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>Requests to one server; whatever goes wrong becomes a <see cref="ClusterException"/> that says what to do.</summary>
internal sealed partial class ServerConnection : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);

    private readonly DistTrainClientOptions _options;
    private readonly HttpClient _http;
    private readonly ConnectionWatch _watch;

    public ServerConnection(DistTrainClientOptions options)
    {
        _options = options;
        if (!options.Server.IsAbsoluteUri || options.Server.Scheme is not ("http" or "https")) ServerAddress.Parse(options.Server.OriginalString);
        Server = new UriBuilder(options.Server) { Fragment = "", Query = "", Path = options.Server.AbsolutePath.TrimEnd('/') + "/" }.Uri;
        _watch = new ConnectionWatch(Server, options.Patience) { Tell = options.Connection };
        var token = options.Token.Length > 0 ? options.Token : options.Server.Fragment.StartsWith("#token=", StringComparison.Ordinal) ? Uri.UnescapeDataString(options.Server.Fragment["#token=".Length..]) : "";
        _http = new HttpClient(options.MakeTransport?.Invoke() ?? Transport(options)) { Timeout = Timeout.InfiniteTimeSpan };
        if (token.Length > 0) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public Uri Server { get; }

    /// <summary>Whether a server that does not answer is asked again, for <see cref="DistTrainClientOptions.Patience"/>.</summary>
    public bool KeepTrying { get; set; }

    /// <summary>What was there does not answer now.</summary>
    public bool IsLost => _watch.IsLost;

    public void Dispose() => _http.Dispose();

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Of(path)), cancellation).ConfigureAwait(false);
        return await ReadAsync(response, type, cancellation).ConfigureAwait(false);
    }

    public async Task<string> GetTextAsync(string path, CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Of(path)), cancellation).ConfigureAwait(false);
        return await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
    }

    public async Task CopyAsync(string path, Stream destination, CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Of(path)), cancellation).ConfigureAwait(false);
        try
        {
            await response.Content.CopyToAsync(destination, cancellation).ConfigureAwait(false);
        }
        catch (Exception torn) when (torn is HttpRequestException or IOException && !cancellation.IsCancellationRequested)
        {
            throw Unreachable(torn);
        }
    }

    public async Task<TAnswer> PostAsync<TBody, TAnswer>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Post, Of(path)) { Content = new StringContent(JsonSerializer.Serialize(body, bodyType), Encoding.UTF8, "application/json") }, cancellation, _options.SubmitTimeout).ConfigureAwait(false);
        return await ReadAsync(response, answerType, cancellation).ConfigureAwait(false);
    }

    public async Task<T> PostAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Post, Of(path)), cancellation).ConfigureAwait(false);
        return await ReadAsync(response, type, cancellation).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> make, CancellationToken cancellation, TimeSpan? timeout = null)
    {
        var pause = FirstPause;
        while (true)
        {
            try
            {
                return await SendOnceAsync(make, cancellation, timeout ?? _options.RequestTimeout).ConfigureAwait(false);
            }
            catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable && KeepTrying)
            {
                _watch.Lost(gone.Problems[0]);
                if (_watch.Remaining <= TimeSpan.Zero) throw;
                await Task.Delay(Shorter(pause, _watch.Remaining), cancellation).ConfigureAwait(false);
                pause = Shorter(pause * 2, LongestPause);
            }
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> make, CancellationToken cancellation, TimeSpan patience)
    {
        // Of what is lost no single try may outlast the patience with the whole.
        if (_watch.IsLost && KeepTrying) patience = Shorter(patience, _watch.Remaining + LongestPause);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience);
        using var slow = new Timer(_ => _watch.Slow(_options.SlowAfter, patience), null, _options.SlowAfter, Timeout.InfiniteTimeSpan);
        try
        {
            using var request = make();
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                _watch.Answered();
                return response;
            }
            using (response) throw Refusal(await response.Content.ReadAsStringAsync(limit.Token).ConfigureAwait(false), (int)response.StatusCode);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ClusterException(ClusterError.Unreachable, $"{Server} did not answer within {patience.TotalSeconds:F0} s. See whether it is overloaded or hangs.");
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException)
        {
            throw Unreachable(failed);
        }
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other > TimeSpan.Zero ? other : TimeSpan.Zero;

    private async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(_options.RequestTimeout);
            var stream = await response.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);
            return await JsonSerializer.DeserializeAsync(stream, type, limit.Token).ConfigureAwait(false) ?? throw new JsonException("the answer is null");
        }
        catch (JsonException wrong)
        {
            throw new ClusterException(ClusterError.Unreachable, $"{Server} answers in a form that this client does not know: {wrong.Message} Is it a DistTrain server of a version that fits?", wrong);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ClusterException(ClusterError.Unreachable, $"{Server} began to answer and did not end within {_options.RequestTimeout.TotalSeconds:F0} s. See whether it is overloaded or hangs.");
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException)
        {
            throw Unreachable(failed);
        }
    }

    private ClusterException Refusal(string body, int status)
    {
        IReadOnlyList<string> problems = [$"{Server} answers {status}. Is it a DistTrain server?"];
        try
        {
            if (JsonSerializer.Deserialize(body, ClusterJson.Plain.ProblemReport) is { Problems: { Count: > 0 } said } report) (problems, status) = (said, report.Status);
        }
        catch (JsonException)
        {
            // Not ours: a proxy's page, or no server of this kind.
        }
        return new ClusterException((HttpStatusCode)status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ClusterError.NotAllowed,
            HttpStatusCode.NotFound => ClusterError.NotFound,
            HttpStatusCode.Conflict => ClusterError.Conflict,
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnsupportedMediaType or HttpStatusCode.MisdirectedRequest => ClusterError.Invalid,
            _ => ClusterError.Unreachable,
        }, problems);
    }

    private ClusterException Unreachable(Exception cause)
    {
        var innermost = cause;
        while (innermost.InnerException is { } inner) innermost = inner;
        return new ClusterException(ClusterError.Unreachable, $"{Server} cannot be reached: {innermost.Message.TrimEnd('.')}. See that it runs and that address and port are right.", cause);
    }

    private Uri Of(string path) => new(Server, "api/v1/" + path);

    private static SocketsHttpHandler Transport(DistTrainClientOptions options)
    {
        var sockets = new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromSeconds(5), AllowAutoRedirect = false };
        if (options.AuthorityFile.Length == 0) return sockets;
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(options.AuthorityFile);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ClusterException(ClusterError.Invalid, $"the authority file is {options.AuthorityFile}, which cannot be read: {unreadable.Message} It must be a PEM file with the certificate of the server's authority.", unreadable);
        }
        sockets.SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = Policy(authorities),
        };
        return sockets;
    }

    private static X509ChainPolicy Policy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }
}
