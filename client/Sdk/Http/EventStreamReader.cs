using System.Runtime.CompilerServices;
using System.Text;

namespace DistTrain.Client;

/// <summary>One server-sent event.</summary>
internal readonly record struct ServerEvent(string Name, string Id, string Data);

/// <summary>Reads text/event-stream (WHATWG HTML, section 9.2): fields up to an empty line; comments are only signs of life.</summary>
internal static class EventStreamReader
{
    /// <param name="silence">Nothing at all for so long ends in an <see cref="IOException"/>.</param>
    public static async IAsyncEnumerable<ServerEvent> ReadAsync(Stream stream, TimeSpan silence, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var reader = new StreamReader(stream, new UTF8Encoding(false), detectEncodingFromByteOrderMarks: true, bufferSize: 1 << 14);
        var (name, id, data) = ("", "", new StringBuilder());
        using var quiet = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        while (true)
        {
            quiet.CancelAfter(silence);
            string? line;
            try
            {
                line = await reader.ReadLineAsync(quiet.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new IOException($"nothing was heard for {silence.TotalSeconds:F0} s");
            }
            if (line is null) yield break;
            if (line.Length == 0)
            {
                if (data.Length > 0) yield return new ServerEvent(name.Length > 0 ? name : "message", id, data.ToString(0, data.Length - 1));
                (name, data) = ("", data.Clear());
                continue;
            }
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon == 0) continue;
            var field = colon < 0 ? line : line[..colon];
            var value = colon < 0 ? "" : line[(colon + 1 < line.Length && line[colon + 1] == ' ' ? colon + 2 : colon + 1)..];
            switch (field)
            {
                case "event": name = value; break;
                case "id": id = value; break;
                case "data": data.Append(value).Append('\n'); break;
                default: break;
            }
        }
    }
}
