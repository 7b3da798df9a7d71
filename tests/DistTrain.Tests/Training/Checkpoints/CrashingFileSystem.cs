using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>The power went off.</summary>
internal sealed class PowerCutException() : Exception("power cut");

/// <summary>
/// A disk in memory that tells durable from not: bytes are durable after Flush, names after FlushFolder. Power goes off after a
/// chosen operation, or in the middle of a write; what then is left depends on how kind the disk was.
/// </summary>
internal sealed class CrashingFileSystem : IFileSystem
{
    private sealed class Content
    {
        public List<byte> Bytes { get; } = [];
        public byte[] Durable { get; set; } = [];
    }

    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];

    /// <summary>Operations that change something, so far.</summary>
    public int Operations { get; private set; }

    /// <summary>Power goes off after this many; 0 = never.</summary>
    public int CutAfter { get; set; }

    /// <summary>The last write before the cut is only half done.</summary>
    public bool TearLastWrite { get; set; }

    /// <summary>Bytes that fit on the disk.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>The disk is full from the first published manifest on.</summary>
    public bool FullAfterManifest { get; init; }

    private bool Torn => TearLastWrite && Operations + 1 == CutAfter;

    /// <summary>Power is back.</summary>
    /// <param name="lostNames">Names that were not flushed are gone.</param>
    /// <param name="lostBytes">Bytes that were not flushed are gone.</param>
    public void Restart(bool lostNames, bool lostBytes)
    {
        (CutAfter, Operations) = (0, 0);
        if (lostNames) _names = new(_durableNames);
        foreach (var content in _names.Values.Where(_ => lostBytes))
        {
            content.Bytes.Clear();
            content.Bytes.AddRange(content.Durable);
        }
    }

    public byte[] Read(string path) => [.. _names[path].Bytes];

    public void Flip(string path, int index, int bit) => _names[path].Bytes[index] ^= (byte)(1 << bit);

    public void Cut(string path, int bytes) => _names[path].Bytes.RemoveRange(bytes, _names[path].Bytes.Count - bytes);

    public IEnumerable<string> Paths => _names.Keys.Order(StringComparer.Ordinal).ToList();

    public void CreateFolder(string folder) => Done();

    public IFileWriter Create(string path)
    {
        var content = _names[path] = new Content();
        Done();
        return new Writer(this, content);
    }

    public bool TryPublish(string temporaryPath, string path)
    {
        if (_names.ContainsKey(path)) return false;
        _names[path] = _names[temporaryPath];
        _names.Remove(temporaryPath);
        if (FullAfterManifest && path.EndsWith(".manifest.json", StringComparison.Ordinal)) Capacity = 0;
        Done();
        return true;
    }

    public void Replace(string temporaryPath, string path)
    {
        _names[path] = _names[temporaryPath];
        _names.Remove(temporaryPath);
        Done();
    }

    public void FlushFolder(string folder)
    {
        _durableNames = new(_names);
        Done();
    }

    public void Delete(string path)
    {
        _names.Remove(path);
        Done();
    }

    public IReadOnlyList<string> List(string folder) => [.. _names.Keys.Where(p => Path.GetDirectoryName(p) == folder).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];

    public Stream OpenRead(string path) => _names.TryGetValue(path, out var content) ? new MemoryStream([.. content.Bytes]) : throw new FileNotFoundException(path);

    private void Done()
    {
        if (++Operations == CutAfter) throw new PowerCutException();
    }

    private sealed class Writer(CrashingFileSystem disk, Content content) : IFileWriter
    {
        public void Write(ReadOnlySpan<byte> bytes)
        {
            if (disk._names.Values.Sum(c => (long)c.Bytes.Count) + bytes.Length > disk.Capacity) throw new IOException("No space left on device");
            content.Bytes.AddRange(disk.Torn ? bytes[..(bytes.Length / 2)] : bytes);
            disk.Done();
        }

        public void Flush()
        {
            content.Durable = [.. content.Bytes];
            disk.Done();
        }

        public void Dispose() { }
    }
}
