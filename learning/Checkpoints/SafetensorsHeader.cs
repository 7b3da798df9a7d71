using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DistTrain.Learning;

/// <summary>
/// The safetensors format: u64 header length (little-endian), that many bytes of UTF-8 JSON
/// {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, ...} padded with spaces to 8 bytes, then the tensors' bytes without gaps.
/// https://github.com/huggingface/safetensors#format
/// </summary>
public sealed class SafetensorsHeader
{
    /// <summary>A longer header is refused before it is read.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    internal const int LengthBytes = 8;

    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsHeader(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, string> metadata, long dataStart)
    {
        (Entries, Metadata, DataStart) = (entries, metadata, dataStart);
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>In the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>The texts under <c>__metadata__</c>; empty when there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Where the first tensor's bytes stand in the file.</summary>
    public long DataStart { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long FileBytes => DataStart + (Entries.Count == 0 ? 0 : Entries[^1].End);

    public SafetensorsEntry? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The header's length from a file's first eight bytes, checked against the file's size.</summary>
    public static int ReadLength(ReadOnlySpan<byte> start, long fileBytes, string file)
    {
        if (fileBytes < LengthBytes || start.Length < LengthBytes)
            throw new SafetensorsException(file, $"has {fileBytes} bytes. A safetensors file has at least 8 bytes of header length: it is truncated or something else.");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxHeaderBytes)
            throw new SafetensorsException(file, $"announces a header of {length} bytes. It must be at most {MaxHeaderBytes}: it is damaged or not a safetensors file.");
        if ((long)length > fileBytes - LengthBytes)
            throw new SafetensorsException(file, $"announces a header of {length} bytes, but only {fileBytes - LengthBytes} follow: it is truncated.");
        return (int)length;
    }

    /// <summary>Reads and checks everything that a header says against the file's size: nothing is trusted.</summary>
    /// <param name="json">The header's bytes, without the eight of its length.</param>
    /// <param name="fileBytes">Bytes of the whole file.</param>
    /// <param name="file">Names the file in errors.</param>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long fileBytes, string file)
    {
        var (entries, metadata) = SafetensorsJson.Read(json, file);
        // Empty tensors share their place with a neighbour: those come before the tensor that begins there.
        var ordered = entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End).ToList();
        var (end, last) = (0L, "the header");
        foreach (var entry in ordered)
        {
            if (entry.Begin < end)
                throw new SafetensorsException(file, $"tensor \"{entry.Name}\" begins at byte {entry.Begin}, inside \"{last}\", which ends at {end}. Tensors must not overlap: the file is damaged.");
            if (entry.Begin > end)
                throw new SafetensorsException(file, $"bytes {end} to {entry.Begin} between {Quote(last)} and \"{entry.Name}\" belong to no tensor. Tensors must follow each other without gaps: the file is damaged.");
            (end, last) = (entry.End, entry.Name);
        }
        var dataStart = LengthBytes + json.Length;
        if (end > fileBytes - dataStart)
            throw new SafetensorsException(file, $"has {fileBytes - dataStart} bytes of tensors; its header describes {end}, up to tensor \"{last}\": it is truncated.");
        if (end < fileBytes - dataStart)
            throw new SafetensorsException(file, $"has {fileBytes - dataStart} bytes of tensors; its header describes {end}. Nothing may follow the last tensor: the file is damaged.");
        return new(ordered, metadata, dataStart);
    }

    /// <summary>A header for tensors written one after the other in the given order.</summary>
    public static SafetensorsHeader For(IEnumerable<(string Name, SafetensorsType Type, IReadOnlyList<long> Shape)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var at = 0L;
        foreach (var (name, type, shape) in tensors)
        {
            if (name == SafetensorsJson.MetadataKey) throw new ArgumentException($"a tensor is named {SafetensorsJson.MetadataKey}, which the format keeps for metadata.", nameof(tensors));
            if (!names.Add(name)) throw new ArgumentException($"two tensors are named \"{name}\"; names in one file must differ.", nameof(tensors));
            if (SafetensorsJson.BytesOf(type, shape) is not { } bytes || bytes > long.MaxValue - at)
                throw new ArgumentException($"tensor \"{name}\" has shape [{string.Join(", ", shape)}]; axis lengths must be 0 or more and the bytes fit in 63 bits.", nameof(tensors));
            entries.Add(new(name, type, [.. shape], at, at + bytes));
            at += bytes;
        }
        metadata ??= new Dictionary<string, string>();
        return new(entries, metadata, LengthBytes + Json(entries, metadata).Length);
    }

    /// <summary>The file's bytes before the first tensor: length and padded JSON.</summary>
    public byte[] ToBytes()
    {
        var json = Json(Entries, Metadata);
        var bytes = new byte[LengthBytes + json.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)json.Length);
        json.CopyTo(bytes, LengthBytes);
        return bytes;
    }

    private static byte[] Json(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, string> metadata)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsJson.MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", entry.Type.ToString());
                json.WriteStartArray("shape");
                foreach (var length in entry.Shape) json.WriteNumberValue(length);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(entry.Begin);
                json.WriteNumberValue(entry.End);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (stream.Length % 8 != 0) stream.WriteByte((byte)' ');
        return stream.ToArray();
    }

    private static string Quote(string name) => name == "the header" ? name : $"\"{name}\"";
}
