using System.IO.Compression;

namespace DistTrain.Learning;

/// <summary>
/// One source file read front to back, plain or gzip (told apart by its first two bytes), its bytes on disk hashed as they pass.
/// No size that the file announces is believed: memory grows with the bytes that really come.
/// </summary>
internal sealed class SourceFile : IDisposable
{
    // No DEFLATE stream expands further (a 258-byte match in two bits).
    private const long MostExpansion = 1032;
    private const int FirstAllocation = 1 << 20;

    private readonly Hashed _disk;
    private readonly Stream _content;
    private readonly string _trouble;
    private long _taken;

    private SourceFile(string path, Hashed disk, Stream content)
    {
        (Path, _disk, _content) = (path, disk, content);
        IsCompressed = content is GZipStream;
        MostBytes = IsCompressed ? disk.Length > long.MaxValue / MostExpansion ? long.MaxValue : disk.Length * MostExpansion : disk.Length;
        _trouble = IsCompressed ? "It is a damaged or truncated gzip file; fetch it again." : "It is truncated; fetch it again.";
    }

    public string Path { get; }

    public bool IsCompressed { get; }

    /// <summary>Bytes of content at most: exact for a plain file.</summary>
    public long MostBytes { get; }

    /// <exception cref="DatasetException">It cannot be opened or is empty.</exception>
    public static SourceFile Open(string path, SourceBytes source) => Guard(path, () =>
    {
        var disk = new Hashed(File.OpenRead(path), source);
        try
        {
            if (disk.Length == 0) throw new DatasetException($"{path} is empty. Fetch or write it again.");
            return new SourceFile(path, disk, disk.StartsAsGzip() ? new GZipStream(disk, CompressionMode.Decompress) : disk);
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    });

    /// <summary>The next <paramref name="count"/> bytes.</summary>
    /// <param name="count">At most <see cref="MostBytes"/> (checked by the caller, who can say what announced it).</param>
    /// <param name="what">What they are, for the error when the file ends first.</param>
    public byte[] Take(int count, string what)
    {
        var bytes = new byte[IsCompressed ? Math.Min(count, FirstAllocation) : count];
        var filled = 0;
        while (filled < count)
        {
            if (filled == bytes.Length) Array.Resize(ref bytes, (int)Math.Min(count, 2L * bytes.Length));
            var read = Read(bytes.AsSpan(filled));
            if (read == 0) throw new DatasetException($"{Path} ends after {filled} of {count} bytes of {what}. {_trouble}");
            filled += read;
        }
        return bytes;
    }

    /// <summary>Everything that is left, refused beyond <paramref name="most"/> bytes.</summary>
    public byte[] TakeAll(int most)
    {
        var bytes = new byte[Math.Min(IsCompressed ? FirstAllocation : MostBytes, most)];
        var filled = 0;
        while (true)
        {
            if (filled == bytes.Length)
            {
                Span<byte> more = [0];
                if (Read(more) == 0) break;
                if (filled == most) throw new DatasetException($"{Path} holds more than {most} bytes. It must not: it is not such a file, or made to fill the memory.");
                Array.Resize(ref bytes, (int)Math.Min(most, Math.Max(16, 2L * bytes.Length)));
                bytes[filled++] = more[0];
            }
            var read = Read(bytes.AsSpan(filled));
            if (read == 0) break;
            filled += read;
        }
        Array.Resize(ref bytes, filled);
        return bytes;
    }

    /// <summary>Checks that nothing is left and that a gzip file is whole, and hashes what stands on disk to its end.</summary>
    public void Finish(string what)
    {
        Span<byte> more = [0];
        if (Read(more) != 0) throw new DatasetException($"{Path} goes on after {what}. It must end there: it is damaged or not such a file.");
        if (!IsCompressed) return;
        // The unpacker lets a cut trailer and bytes behind it pass; the trailer's last word is the size of the content.
        var announced = Guard(Path, _disk.DrainToLastWord);
        if (announced != (uint)_taken) throw new DatasetException($"{Path} does not end with the size of its content, as gzip must. {_trouble} (A file of several gzip members must be unpacked first.)");
    }

    public void Dispose() => _content.Dispose();

    private int Read(Span<byte> into)
    {
        try
        {
            var read = _content.Read(into);
            _taken += read;
            return read;
        }
        catch (InvalidDataException e)
        {
            throw new DatasetException($"{Path} cannot be unpacked: {e.Message} {_trouble}", e);
        }
        catch (IOException e)
        {
            throw new DatasetException($"{Path} cannot be read: {e.Message}", e);
        }
    }

    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var reason = e is UnauthorizedAccessException ? "This user may not read it: give read access to the file and its folder." : e.Message;
            throw new DatasetException($"{path} cannot be read. {reason}", e);
        }
    }

    /// <summary>A file whose bytes go into the identity as they are read; the first two may be looked at before.</summary>
    private sealed class Hashed(FileStream file, SourceBytes source) : Stream
    {
        private uint _lastWord;

        public override long Length => file.Length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Position
        {
            get => file.Position;
            set => throw new NotSupportedException();
        }

        public bool StartsAsGzip()
        {
            var gzip = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            return gzip;
        }

        /// <summary>Reads to the end; returns the file's last four bytes.</summary>
        public uint DrainToLastWord()
        {
            Span<byte> rest = stackalloc byte[4096];
            while (Read(rest) > 0)
            {
            }
            return _lastWord;
        }

        public override int Read(Span<byte> buffer)
        {
            var read = file.Read(buffer);
            source.Add(buffer[..read]);
            foreach (var value in buffer[Math.Max(0, read - 4)..read]) _lastWord = _lastWord >> 8 | (uint)value << 24;
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) file.Dispose();
            base.Dispose(disposing);
        }
    }
}
