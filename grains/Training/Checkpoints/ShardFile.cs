using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
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

    /// <summary>A tensor's place: elements [Start, Start + Length) of vector <paramref name="Vector"/> (0 = weights, 1.. = states) counted from the shard's first element.</summary>
    private readonly record struct Part(string Name, IReadOnlyList<long> Shape, int Vector, int Start, int Length);

    public static CheckpointFile Write(IFileWriter writer, string name, ParameterLayout layout, IReadOnlyList<string> states, ShardSnapshot shard)
    {
        var parts = Parts(layout, states, shard.Range);
        var metadata = new Dictionary<string, string> { ["format"] = Format };
        foreach (var part in parts) metadata[CrcPrefix + part.Name] = Hex(Crc32C.Of(Bytes(shard, part)));
        var header = SafetensorsHeader.For(parts.Select(p => (p.Name, SafetensorsType.F32, p.Shape)), metadata).ToBytes();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var bytes = Put(writer, hash, header);
        foreach (var part in parts) bytes += Put(writer, hash, Bytes(shard, part));
        return new CheckpointFile(name, bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Copies every element the file holds into flat vectors.</summary>
    /// <param name="file">The whole file; its SHA-256 has been checked.</param>
    /// <param name="name">Names the file in errors.</param>
    /// <param name="vectors">[1 + StateCount, Layout.Length].</param>
    /// <param name="retired">State vectors of earlier versions, which are passed over.</param>
    /// <returns>Elements copied, over all vectors.</returns>
    /// <exception cref="InvalidDataException">Not such a file, or a tensor whose checksum, name or length does not fit.</exception>
    public static long Read(ReadOnlySpan<byte> file, string name, ParameterLayout layout, IReadOnlyList<string> states, Span<float> vectors, IReadOnlyList<string>? retired = null)
    {
        var slices = layout.Slices.Where(s => s.Kind is not (SliceKind.Metrics or SliceKind.Side)).ToDictionary(s => s.Name, StringComparer.Ordinal);
        var header = Header(file, name);
        if (header.Metadata.GetValueOrDefault("format") is var format && format != Format) throw new InvalidDataException($"{name} is of format {format ?? "(none)"}. It must be {Format}.");
        var elements = 0L;
        foreach (var entry in header.Entries)
        {
            if (entry.Type != SafetensorsType.F32) throw new InvalidDataException($"{name}: tensor {entry.Name} is {entry.Type}. It must be F32.");
            var bytes = file.Slice((int)(header.DataStart + entry.Begin), (int)entry.Bytes);
            var (given, computed) = (header.Metadata.GetValueOrDefault(CrcPrefix + entry.Name), Hex(Crc32C.Of(bytes)));
            if (given != computed) throw new InvalidDataException($"{name}: tensor {entry.Name} has checksum {computed}. The file says {given ?? "nothing"}: it is damaged.");
            if (IsRetired(entry.Name, retired)) continue;
            if (Place(entry.Name, slices, states) is not { } place) throw new InvalidDataException($"{name}: tensor {entry.Name} is not one of this model.");
            if (place.Start > place.Slice.Length - entry.Elements) throw new InvalidDataException($"{name}: tensor {entry.Name} has {entry.Elements} elements from {place.Start} on. {place.Slice.Name} has {place.Slice.Length}.");
            bytes.CopyTo(MemoryMarshal.AsBytes(vectors.Slice(place.Vector * layout.Length + place.Slice.Offset + place.Start, (int)entry.Elements)));
            elements += entry.Elements;
        }
        return elements;
    }

    /// <summary>Elements that the files of one checkpoint hold together.</summary>
    public static long Elements(ParameterLayout layout, int states) =>
        layout.Slices.Sum(s => s.Kind switch { SliceKind.Parameter => (1L + states) * s.Length, SliceKind.Moments or SliceKind.Carried => s.Length, _ => 0L });

    private static SafetensorsHeader Header(ReadOnlySpan<byte> file, string name)
    {
        try
        {
            var length = SafetensorsHeader.ReadLength(file, file.Length, name);
            return SafetensorsHeader.Parse(file.Slice(sizeof(ulong), length), file.Length, name);
        }
        catch (SafetensorsException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

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
                if (slice.Kind is SliceKind.Metrics or SliceKind.Side || (vector > 0 && slice.Kind != SliceKind.Parameter)) continue;
                var (from, to) = (Math.Max(slice.Offset, range.Offset), Math.Min(slice.Offset + slice.Length, range.Offset + range.Length));
                if (from >= to) continue;
                var whole = to - from == slice.Length;
                var name = (vector > 0 ? $"optimizer.{states[vector - 1]}." : "") + slice.Name + (whole ? "" : string.Create(CultureInfo.InvariantCulture, $"#{from - slice.Offset}"));
                IReadOnlyList<long> shape = whole ? [.. slice.Shape.Axes.ToArray().Select(axis => (long)axis)] : [to - from];
                parts.Add(new Part(name, shape, vector, from - range.Offset, to - from));
            }
        }
        return parts;
    }

    private static (Slice Slice, int Vector, int Start)? Place(string tensor, Dictionary<string, Slice> slices, IReadOnlyList<string> states)
    {
        var (name, vector, start) = (tensor, 0, 0);
        for (var s = 0; s < states.Count; s++)
            if (tensor.StartsWith($"optimizer.{states[s]}.", StringComparison.Ordinal)) (name, vector) = (tensor[$"optimizer.{states[s]}.".Length..], s + 1);
        var hash = name.LastIndexOf('#');
        if (hash >= 0 && int.TryParse(name.AsSpan(hash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out start)) name = name[..hash];
        return slices.TryGetValue(name, out var slice) ? (slice, vector, start) : null;
    }

    private static bool IsRetired(string tensor, IReadOnlyList<string>? retired)
    {
        foreach (var state in retired ?? [])
            if (tensor.StartsWith($"optimizer.{state}.", StringComparison.Ordinal)) return true;
        return false;
    }

    private static ReadOnlySpan<byte> Bytes(scoped in ShardSnapshot shard, Part part) =>
        MemoryMarshal.AsBytes(shard.Elements.Slice(part.Vector * shard.Range.Length + part.Start, part.Length));

    private static string Hex(uint crc) => crc.ToString("x8", CultureInfo.InvariantCulture);
}
