using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using DistTrain.Contracts;

namespace DistTrain.Client;

/// <summary>Requests to one server; whatever goes wrong becomes a <see cref="ClusterException"/> that says what to do.</summary>
internal sealed class ServerConnection : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);

    // Not a server's event: the stream is open, though nothing has been said yet.
    private const string Opened = " opened";

    private readonly DistTrainClientOptions _options;
    private readonly HttpClient _http;

    public ServerConnection(DistTrainClientOptions options)
    {
        _options = options;
        Server = new UriBuilder(options.Server) { Fragment = "", Query = "", Path = options.Server.AbsolutePath.TrimEnd('/') + "/" }.Uri;
        var token = options.Token.Length > 0 ? options.Token : options.Server.Fragment.StartsWith("#token=", StringComparison.Ordinal) ? Uri.UnescapeDataString(options.Server.Fragment["#token=".Length..]) : "";
        _http = new HttpClient(options.MakeTransport?.Invoke() ?? Transport(options)) { Timeout = Timeout.InfiniteTimeSpan };
        if (token.Length > 0) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public Uri Server { get; }

    /// <summary>Whether a server that does not answer is asked again, for <see cref="DistTrainClientOptions.Patience"/>.</summary>
    public bool KeepTrying { get; set; }

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

    /// <summary>Items of an event stream, over any number of connections: one that is lost is opened again after the last item seen. Ends with the event <c>end</c>.</summary>
    public async IAsyncEnumerable<T> FollowAsync<T>(string path, long after, Func<T, long> sequence, JsonTypeInfo<T> type, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (opened, pause, since) = (false, FirstPause, Environment.TickCount64);
        while (true)
        {
            ClusterException? lost = null;
            var events = OpenAsync(path, after, cancellation).GetAsyncEnumerator(cancellation);
            await using (events.ConfigureAwait(false))
            {
                while (true)
                {
                    T item;
                    try
                    {
                        if (!await events.MoveNextAsync().ConfigureAwait(false)) break;
                        (opened, pause, since) = (true, FirstPause, Environment.TickCount64);
                        if (events.Current.Name == Opened) continue;
                        if (events.Current.Name == "end") yield break;
                        if (events.Current.Name == "problem") throw Refusal(events.Current.Data, 503);
                        item = JsonSerializer.Deserialize(events.Current.Data, type)!;
                    }
                    catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable)
                    {
                        lost = gone;
                        break;
                    }
                    catch (Exception torn) when (torn is IOException or HttpRequestException or JsonException)
                    {
                        lost = Unreachable(torn);
                        break;
                    }
                    after = sequence(item);
                    yield return item;
                }
            }
            // The server restarts, or a proxy closed the stream: what was open once is worth waiting for.
            if (!opened || TimeSpan.FromMilliseconds(Environment.TickCount64 - since) > _options.Patience) throw lost ?? new ClusterException(ClusterError.Unreachable, $"{Server} closes its stream again and again. Ask for the job's status, or try later.");
            await Task.Delay(pause, cancellation).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async IAsyncEnumerable<ServerEvent> OpenAsync(string path, long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var response = await SendAsync(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, Of(path));
            request.Headers.Accept.ParseAdd("text/event-stream");
            if (after > 0) request.Headers.Add("Last-Event-ID", after.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return request;
        }, cancellation).ConfigureAwait(false);
        yield return new ServerEvent(Opened, "", "");
        var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
            await foreach (var item in EventStreamReader.ReadAsync(stream, _options.Silence, cancellation).ConfigureAwait(false)) yield return item;
    }

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> make, CancellationToken cancellation, TimeSpan? timeout = null)
    {
        var (since, pause) = (Environment.TickCount64, FirstPause);
        while (true)
        {
            try
            {
                return await SendOnceAsync(make, cancellation, timeout).ConfigureAwait(false);
            }
            catch (ClusterException gone) when (gone.Error is ClusterError.Unreachable && KeepTrying && TimeSpan.FromMilliseconds(Environment.TickCount64 - since) < _options.Patience)
            {
                await Task.Delay(pause, cancellation).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> make, CancellationToken cancellation, TimeSpan? timeout)
    {
        var patience = timeout ?? _options.RequestTimeout;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience);
        try
        {
            using var request = make();
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
            if (response.IsSuccessStatusCode) return response;
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
        authorities.ImportFromPemFile(options.AuthorityFile);
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
