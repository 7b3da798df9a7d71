using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace DistTrain.Learning;

/// <summary>
/// Fetches published data sets. A file grows under its name with <c>.partial</c>, goes on from there after an interruption (HTTP Range),
/// and takes its name only when its size and SHA-256 are right and it is synced: what has the name is whole.
/// </summary>
/// <param name="http">Sends the requests; it must not unpack contents by itself.</param>
/// <param name="time">Measures stalls and pauses between tries.</param>
public sealed class DataDownload(HttpClient http, TimeProvider time)
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Tries of one mirror that bring nothing new before it is given up.</summary>
    public int Tries { get; init; } = 4;

    /// <summary>Pause before another try; doubled while tries bring nothing new.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>No byte for this long counts as a broken connection.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Brings all files of the set into the folder, which is made where it is missing; files that are there and right are left alone.</summary>
    /// <returns>The files' paths.</returns>
    /// <exception cref="DatasetException">A file could not be fetched from any mirror, or one with its name and other bytes is there.</exception>
    public async Task<IReadOnlyList<string>> Get(DownloadSet set, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancel = default)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var (paths, done, total) = (new List<string>(), 0L, set.Files.Sum(file => file.Bytes));
            foreach (var file in set.Files)
            {
                var before = done;
                await Get(set, file, Path.Combine(folder, file.Name), bytes => progress?.Report(new(file, bytes, before + bytes, total)), cancel).ConfigureAwait(false);
                done += file.Bytes;
                progress?.Report(new(file, file.Bytes, done, total));
                paths.Add(Path.Combine(folder, file.Name));
            }
            return paths;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{folder} cannot be written: {e.Message} Give this user write access and room for {set.Files.Sum(file => file.Bytes)} bytes, or choose another folder.", e);
        }
    }

    private async Task Get(DownloadSet set, DownloadFile file, string path, Action<long> progress, CancellationToken cancel)
    {
        if (File.Exists(path))
        {
            using var there = File.OpenRead(path);
            if (there.Length == file.Bytes && await Sha256Of(there, cancel).ConfigureAwait(false) == file.Sha256) return;
            throw new DatasetException($"{path} exists and is not the {file.Name} of {set.Name} (its size or SHA-256 differs). Delete it or choose another folder.");
        }
        var partialPath = path + ".partial";
        using (var partial = new FileStream(partialPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            var failures = new List<string>();
            var whole = false;
            for (var mirror = 0; mirror < set.Mirrors.Count && !whole; mirror++)
                whole = await FromMirror(new Uri(set.Mirrors[mirror], file.Name), file, partial, failures, progress, cancel).ConfigureAwait(false);
            if (!whole)
            {
                var kept = partial.Length == 0 ? "" : $" The {partial.Length} bytes that came are kept in {partialPath}; the next run goes on from there.";
                if (partial.Length == 0) File.Delete(partialPath);
                throw new DatasetException($"{file.Name} could not be fetched: {string.Join("; ", failures)}. Check the network or give another mirror.{kept}");
            }
            partial.Flush(flushToDisk: true);
        }
        File.Move(partialPath, path);
    }

    private async Task<bool> FromMirror(Uri address, DownloadFile file, FileStream partial, List<string> failures, Action<long> progress, CancellationToken cancel)
    {
        var (tries, pause, most) = (0, Pause, partial.Length);
        while (await Try(address, file, partial, progress, cancel).ConfigureAwait(false) is { } failure)
        {
            if (partial.Length > most) (tries, most) = (0, partial.Length);
            if (++tries >= Tries || failure.IsFinal)
            {
                failures.Add($"{address} {failure.Text}");
                return false;
            }
            await Task.Delay(pause, time, cancel).ConfigureAwait(false);
            pause = tries > 1 ? pause * 2 : Pause;
        }
        return true;
    }

    /// <summary>One request; null when the file is whole and right.</summary>
    private async Task<Failure?> Try(Uri address, DownloadFile file, FileStream partial, Action<long> progress, CancellationToken cancel)
    {
        if (partial.Length > file.Bytes) partial.SetLength(0);
        if (partial.Length < file.Bytes)
        {
            using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using var clock = time.CreateTimer(_ => stall.Cancel(), null, StallTimeout, Timeout.InfiniteTimeSpan);
            try
            {
                if (await Fetch(address, file, partial, clock, progress, stall.Token).ConfigureAwait(false) is { } refused) return refused;
            }
            catch (HttpRequestException e)
            {
                return new($"failed: {e.Message}", IsFinal: false);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return new($"sent nothing for {StallTimeout.TotalSeconds} s", IsFinal: false);
            }
            if (partial.Length < file.Bytes) return new($"ended after {partial.Length} of {file.Bytes} bytes", IsFinal: false);
        }
        partial.Position = 0;
        var sha256 = await Sha256Of(partial, cancel).ConfigureAwait(false);
        if (sha256 == file.Sha256) return null;
        partial.SetLength(0);
        return new($"has SHA-256 {sha256}; it must be {file.Sha256}", IsFinal: false);
    }

    private async Task<Failure?> Fetch(Uri address, DownloadFile file, FileStream partial, ITimer clock, Action<long> progress, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.AcceptEncoding.Add(new("identity"));
        var from = partial.Length;
        if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
        var status = response.StatusCode;
        if (status == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            partial.SetLength(0);
            return new("does not have the rest of what was fetched before", IsFinal: false);
        }
        if (!response.IsSuccessStatusCode)
            return new($"answered {(int)status} ({response.ReasonPhrase})", IsFinal: (int)status < 500 && status is not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests));
        var resumes = status == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange is { } range && range.From == from && (range.Length ?? file.Bytes) == file.Bytes;
        if (status == HttpStatusCode.PartialContent && !resumes)
        {
            partial.SetLength(0);
            return new($"answered with another part than the one from byte {from} of {file.Bytes}", IsFinal: false);
        }
        // A server without Range begins anew.
        if (!resumes) partial.SetLength(from = 0);
        if (response.Content.Headers.ContentLength is { } announced && announced != file.Bytes - from)
        {
            partial.SetLength(0);
            return new($"offers {announced} bytes where {file.Bytes - from} must follow", IsFinal: true);
        }
        return await Copy(response, file, partial, clock, progress, cancel).ConfigureAwait(false);
    }

    private async Task<Failure?> Copy(HttpResponseMessage response, DownloadFile file, FileStream partial, ITimer clock, Action<long> progress, CancellationToken cancel)
    {
        partial.Position = partial.Length;
        var buffer = new byte[BufferBytes];
        var body = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        while (true)
        {
            int read;
            try
            {
                read = await body.ReadAsync(buffer, cancel).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                // The connection, not the disk: what came stands, and the next try goes on from there.
                return new($"broke off after {partial.Length} of {file.Bytes} bytes: {e.Message}", IsFinal: false);
            }
            if (read == 0) return null;
            clock.Change(StallTimeout, Timeout.InfiniteTimeSpan);
            if (read > file.Bytes - partial.Length)
            {
                partial.SetLength(0);
                return new($"sends more than the {file.Bytes} bytes of {file.Name}", IsFinal: true);
            }
            await partial.WriteAsync(buffer.AsMemory(0, read), cancel).ConfigureAwait(false);
            progress(partial.Length);
        }
    }

    private static async Task<string> Sha256Of(Stream stream, CancellationToken cancel) => Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancel).ConfigureAwait(false));

    /// <param name="Text">Follows the address.</param>
    /// <param name="IsFinal">Asking again would change nothing.</param>
    private sealed record Failure(string Text, bool IsFinal);
}
