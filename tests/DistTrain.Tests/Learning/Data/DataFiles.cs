using System.Buffers.Binary;
using System.IO.Compression;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data;

/// <summary>A folder of the test's own, and files written into it.</summary>
public sealed class DataFiles : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("data").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string this[string name] => Path.Combine(Folder, name);

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Optimal)) gzip.Write(bytes);
        return stream.ToArray();
    }

    public static byte[] IdxBytes(byte[] elements, params uint[] axes)
    {
        var bytes = new byte[4 + 4 * axes.Length + elements.Length];
        (bytes[2], bytes[3]) = (8, (byte)axes.Length);
        for (var i = 0; i < axes.Length; i++) BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4 + 4 * i), axes[i]);
        elements.CopyTo(bytes, 4 + 4 * axes.Length);
        return bytes;
    }

    /// <summary>The shared copy of public data sets; null where this machine has none.</summary>
    public static string? Shared(string name)
    {
        if (Environment.GetEnvironmentVariable("DISTTRAIN_DATA") is { Length: > 0 } set) return Directory.Exists(Path.Combine(set, name)) ? Path.Combine(set, name) : null;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "shared", "data", name))) return Path.Combine(folder.FullName, "shared", "data", name);
        return null;
    }

    public static string Refusal(DatasetFormat format, string path) => Assert.Throws<DatasetException>(() => format.Open(path, 1)).Message;

    public static (float[] Input, int[] Target) Sample(Dataset data, int index)
    {
        var (input, target) = (new float[data.InputShape.Length], new int[data.TargetShape.Length]);
        data.Read(index, input, target);
        return (input, target);
    }
}
