namespace DistTrain.Learning;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Unique in its file.</param>
/// <param name="Type">Element type; little-endian, row-major, no padding.</param>
/// <param name="Shape">Axis lengths; [] for a scalar.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, long Begin, long End)
{
    public long Bytes => End - Begin;

    public long Elements => Bytes / Type.ElementBytes();
}

/// <summary>A file that is not safetensors, or a tensor asked for that is not there: the file, what was found, what it must be.</summary>
public sealed class SafetensorsException(string file, string problem, Exception? cause = null) : Exception($"{file}: {problem}", cause)
{
    public string File { get; } = file;
}
