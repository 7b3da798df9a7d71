using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>
/// One shard's part of a checkpoint as a safetensors file. A slice that lies whole in the shard is a tensor of its own name and
/// shape; a part of one is <c>name#start</c>, [length]. State vectors stand under <c>optimizer.STATE.name</c>. The metadata
/// holds each tensor's CRC-32C under <c>crc32c:NAME</c>. Metrics and padding are not saved.
/// </summary>
internal static class ShardFile
{
    private const string Format = "disttrain-shard/1";
    private const string CrcPrefix = "crc32c:";
    private const int ChunkBytes = 1 << 18;
    private const int MaxHeaderBytes = 100 << 20;

    /// <summary>A tensor's place: elements [Start, Start + Length) of vector <paramref name="Vector"/> (0 = weights, 1.. = states) counted from the shard's first element.</summary>
    private readonly record struct Part(string Name, Shape Shape, int Vector, int Start, int Length);

    public static CheckpointFile Write(IFileWriter writer, string name, ParameterLayout layout, IReadOnlyList<string> states, ShardSnapshot shard)
    {
        var parts = Parts(layout, states, shard.Range);
        var header = Header(parts, shard);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        var bytes = Put(writer, hash, length) + Put(writer, hash, header);
        foreach (var part in parts) bytes += Put(writer, hash, Bytes(shard, part));
        return new CheckpointFile(name, bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Copies every element the file holds into flat vectors.</summary>
    /// <param name="file">The whole file; its SHA-256 has been checked.</param>
    /// <param name="vectors">[1 + StateCount, Layout.Length].</param>
    /// <returns>Elements copied, over all vectors.</returns>
    /// <exception cref="InvalidDataException">Not such a file, or a tensor whose checksum, name or shape does not fit.</exception>
    public static long Read(ReadOnlySpan<byte> file, ParameterLayout layout, IReadOnlyList<string> states, Span<float> vectors)
    {
        if (file.Length < 8) throw new InvalidDataException($"it has {file.Length} bytes, less than the length of its header takes.");
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (headerBytes > MaxHeaderBytes || headerBytes > (ulong)(file.Length - 8)) throw new InvalidDataException($"its header is said to have {headerBytes} bytes; {file.Length - 8} follow.");
        var data = file[(8 + (int)headerBytes)..];
        var slices = layout.Slices.Where(s => s.Kind != SliceKind.Metrics).ToDictionary(s => s.Name, StringComparer.Ordinal);
        JsonDocument header;
        try
        {
            header = JsonDocument.Parse(file.Slice(8, (int)headerBytes).ToArray());
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"its header is not JSON: {e.Message}");
        }
        using (header)
        {
            var metadata = header.RootElement.GetProperty("__metadata__");
            if (metadata.GetProperty("format").GetString() != Format) throw new InvalidDataException($"its format is {metadata.GetProperty("format").GetString()}. It must be {Format}.");
            var elements = 0L;
            foreach (var tensor in header.RootElement.EnumerateObject())
            {
                if (tensor.NameEquals("__metadata__")) continue;
                var offsets = tensor.Value.GetProperty("data_offsets");
                var (begin, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
                if (begin < 0 || end < begin || end > data.Length || (end - begin) % 4 != 0) throw new InvalidDataException($"tensor {tensor.Name} lies at [{begin}, {end}) of {data.Length} bytes.");
                var bytes = data.Slice((int)begin, (int)(end - begin));
                var given = metadata.GetProperty(CrcPrefix + tensor.Name).GetString();
                var computed = Hex(Crc32C.Of(bytes));
                if (given != computed) throw new InvalidDataException($"tensor {tensor.Name} has checksum {computed}. The file says {given}: it is damaged.");
                var (slice, vector, start) = Place(tensor.Name, slices, states);
                if (start > slice.Length - bytes.Length / 4) throw new InvalidDataException($"tensor {tensor.Name} has {bytes.Length / 4} elements from {start} on. {slice.Name} has {slice.Length}.");
                bytes.CopyTo(MemoryMarshal.AsBytes(vectors.Slice(vector * layout.Length + slice.Offset + start, bytes.Length / 4)));
                elements += bytes.Length / 4;
            }
            return elements;
        }
    }

    /// <summary>Elements that the files of one checkpoint hold together.</summary>
    public static long Elements(ParameterLayout layout, int states) =>
        layout.Slices.Sum(s => s.Kind switch { SliceKind.Parameter => (1L + states) * s.Length, SliceKind.Moments => s.Length, _ => 0L });

    private static long Put(IFileWriter writer, IncrementalHash hash, ReadOnlySpan<byte> data)
    {
        hash.AppendData(data);
        for (var rest = data; rest.Length > 0; rest = rest[Math.Min(ChunkBytes, rest.Length)..]) writer.Write(rest[..Math.Min(ChunkBytes, rest.Length)]);
        return data.Length;
    }

    private static List<Part> Parts(ParameterLayout layout, IReadOnlyList<string> states, ShardRange range)
    {
        var parts = new List<Part>();
        for (var vector = 0; vector <= states.Count; vector++)
        {
            foreach (var slice in layout.Slices)
            {
                if (slice.Kind == SliceKind.Metrics || (vector > 0 && slice.Kind == SliceKind.Moments)) continue;
                var (from, to) = (Math.Max(slice.Offset, range.Offset), Math.Min(slice.Offset + slice.Length, range.Offset + range.Length));
                if (from >= to) continue;
                var whole = to - from == slice.Length;
                var name = (vector > 0 ? $"optimizer.{states[vector - 1]}." : "") + slice.Name + (whole ? "" : string.Create(CultureInfo.InvariantCulture, $"#{from - slice.Offset}"));
                parts.Add(new Part(name, whole ? slice.Shape : new Shape(to - from), vector, from - range.Offset, to - from));
            }
        }
        return parts;
    }

    private static (Slice Slice, int Vector, int Start) Place(string tensor, Dictionary<string, Slice> slices, IReadOnlyList<string> states)
    {
        var (name, vector, start) = (tensor, 0, 0);
        for (var s = 0; s < states.Count; s++)
            if (tensor.StartsWith($"optimizer.{states[s]}.", StringComparison.Ordinal)) (name, vector) = (tensor[$"optimizer.{states[s]}.".Length..], s + 1);
        var hash = name.LastIndexOf('#');
        if (hash >= 0 && int.TryParse(name.AsSpan(hash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out start)) name = name[..hash];
        return slices.TryGetValue(name, out var slice) ? (slice, vector, start) : throw new InvalidDataException($"tensor {tensor} is not one of this model.");
    }

    private static byte[] Header(List<Part> parts, scoped ShardSnapshot shard)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", Format);
            foreach (var part in parts) json.WriteString(CrcPrefix + part.Name, Hex(Crc32C.Of(Bytes(shard, part))));
            json.WriteEndObject();
            var offset = 0L;
            foreach (var part in parts)
            {
                json.WriteStartObject(part.Name);
                json.WriteString("dtype", "F32");
                json.WriteStartArray("shape");
                foreach (var axis in part.Shape.Axes) json.WriteNumberValue(axis);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += part.Length * 4L);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        // Spaces up to a multiple of 8, so that tensors lie aligned.
        while (stream.Length % 8 != 0) stream.WriteByte((byte)' ');
        return stream.ToArray();
    }

    private static ReadOnlySpan<byte> Bytes(ShardSnapshot shard, Part part) =>
        MemoryMarshal.AsBytes(shard.Elements.Slice(part.Vector * shard.Range.Length + part.Start, part.Length));

    private static string Hex(uint crc) => crc.ToString("x8", CultureInfo.InvariantCulture);
}
