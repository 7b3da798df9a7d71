using System.Buffers.Binary;
using System.IO.Compression;

namespace DistTrain.Learning;

/// <summary>
/// Reads PNG: grey, grey with alpha, RGB, RGBA and palette, 1 to 8 bits a channel, not interlaced; every chunk's CRC is checked. PNG (Third Edition), W3C 2025.
/// Alpha is kept by grey-with-alpha and RGBA; a palette's transparency too. 16 bits a channel and interlacing are refused by name.
/// </summary>
public static class PngFile
{
    private const int MostPixels = 1 << 26;

    private static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Whether bytes begin as a PNG does.</summary>
    public static bool Begins(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Signature);

    /// <param name="name">The file, for errors.</param>
    /// <exception cref="DatasetException">It is damaged, or of a kind that is not read.</exception>
    public static Picture Read(string name, ReadOnlySpan<byte> bytes)
    {
        if (!Begins(bytes)) throw new DatasetException($"{name} does not begin as a PNG does. {(bytes.StartsWith<byte>([0xFF, 0xD8, 0xFF]) ? "It is a JPEG: convert it to PNG." : "It is damaged or another format: convert it to PNG.")}");
        var (at, header, palette, alphas, packed, ended) = (Signature.Length, default(PngHeader?), default(byte[]), default(byte[]), new MemoryStream(), false);
        while (!ended)
        {
            if (at + 12 > bytes.Length) throw Damaged(name, $"ends after {bytes.Length} bytes, before its end is marked");
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
            if (length > bytes.Length - at - 12) throw Damaged(name, $"announces a chunk of {length} bytes at {at} and has {bytes.Length - at - 12}");
            var kind = bytes.Slice(at + 4, 4);
            var data = bytes.Slice(at + 8, (int)length);
            if (PngChecksum.Of(bytes.Slice(at + 4, 4 + (int)length)) != BinaryPrimitives.ReadUInt32BigEndian(bytes[(at + 8 + (int)length)..])) throw Damaged(name, $"has a wrong checksum in the chunk at byte {at}");
            if (header is null && !kind.SequenceEqual("IHDR"u8)) throw Damaged(name, "does not begin with its header");
            if (kind.SequenceEqual("IHDR"u8)) header = PngHeader.Read(name, data);
            else if (kind.SequenceEqual("PLTE"u8)) palette = data.ToArray();
            else if (kind.SequenceEqual("tRNS"u8)) alphas = data.ToArray();
            else if (kind.SequenceEqual("IDAT"u8)) packed.Write(data);
            else if (kind.SequenceEqual("IEND"u8)) ended = true;
            else if ((kind[0] & 0x20) == 0) throw new DatasetException($"{name} needs the PNG chunk {System.Text.Encoding.Latin1.GetString(kind)}, which is not read here. Convert it to a plain PNG.");
            at += 12 + (int)length;
        }
        var of = header!.Value;
        packed.Position = 0;
        var rows = Unpack(name, of, packed);
        return of.ColorType == 3 ? Coloured(name, of, rows, palette ?? throw Damaged(name, "has palette colours and no palette"), alphas) : new Picture(of.Width, of.Height, of.Channels, Whole(of, rows));
    }

    /// <summary>Rows without their filters: [height, row bytes].</summary>
    private static byte[] Unpack(string name, in PngHeader header, Stream packed)
    {
        var (stride, step) = (header.RowBytes, Math.Max(1, header.Channels * header.Bits / 8));
        var (rows, line) = (new byte[checked(header.Height * stride)], new byte[stride + 1]);
        try
        {
            using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
            for (var y = 0; y < header.Height; y++)
            {
                unpacked.ReadExactly(line);
                var above = y == 0 ? default : rows.AsSpan((y - 1) * stride, stride);
                Unfilter(name, line[0], line.AsSpan(1), above, rows.AsSpan(y * stride, stride), step);
            }
        }
        catch (Exception wrong) when (wrong is InvalidDataException or EndOfStreamException)
        {
            throw Damaged(name, "has pixels that cannot be unpacked", wrong);
        }
        return rows;
    }

    private static void Unfilter(string name, byte filter, ReadOnlySpan<byte> line, ReadOnlySpan<byte> above, Span<byte> row, int step)
    {
        if (filter > 4) throw Damaged(name, $"has a row of filter {filter}");
        for (var x = 0; x < row.Length; x++)
        {
            var (a, b, c) = (x >= step ? row[x - step] : 0, above.IsEmpty ? 0 : above[x], x >= step && !above.IsEmpty ? above[x - step] : 0);
            row[x] = (byte)(line[x] + filter switch { 0 => 0, 1 => a, 2 => b, 3 => (a + b) / 2, _ => Paeth(a, b, c) });
        }
    }

    private static int Paeth(int a, int b, int c)
    {
        var (pa, pb, pc) = (Math.Abs(b - c), Math.Abs(a - c), Math.Abs(a + b - 2 * c));
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }

    // Fewer bits than eight are spread over the whole range: 1 bit is 0 or 255.
    private static byte[] Whole(in PngHeader header, byte[] rows)
    {
        if (header.Bits == 8) return rows;
        var (values, most) = (new byte[header.Width * header.Height], (1 << header.Bits) - 1);
        for (var i = 0; i < values.Length; i++) values[i] = (byte)(Packed(header, rows, i) * 255 / most);
        return values;
    }

    private static int Packed(in PngHeader header, byte[] rows, int pixel)
    {
        var (y, x) = (pixel / header.Width, pixel % header.Width);
        var bit = x * header.Bits;
        return rows[y * header.RowBytes + bit / 8] >> (8 - header.Bits - bit % 8) & ((1 << header.Bits) - 1);
    }

    private static Picture Coloured(string name, in PngHeader header, byte[] rows, byte[] palette, byte[]? alphas)
    {
        var channels = alphas is null ? 3 : 4;
        var values = new byte[checked(header.Width * header.Height * channels)];
        for (var i = 0; i < header.Width * header.Height; i++)
        {
            var index = header.Bits == 8 ? rows[i] : Packed(header, rows, i);
            if (3 * index + 3 > palette.Length) throw Damaged(name, $"names colour {index} of {palette.Length / 3}");
            palette.AsSpan(3 * index, 3).CopyTo(values.AsSpan(i * channels));
            if (alphas is not null) values[i * channels + 3] = index < alphas.Length ? alphas[index] : (byte)255;
        }
        return new Picture(header.Width, header.Height, channels, values);
    }

    private static DatasetException Damaged(string name, string how, Exception? cause = null) => new($"{name} {how}. It must be a whole PNG: it is truncated or damaged; make it again.", cause);

    /// <summary>The header chunk.</summary>
    private readonly record struct PngHeader(int Width, int Height, int Bits, int ColorType)
    {
        public int Channels => ColorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };

        public int RowBytes => (int)(((long)Width * Channels * Bits + 7) / 8);

        public static PngHeader Read(string name, ReadOnlySpan<byte> data)
        {
            if (data.Length != 13) throw Damaged(name, $"has a header of {data.Length} bytes");
            var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]));
            var (bits, color) = ((int)data[8], (int)data[9]);
            if (width == 0 || height == 0 || (ulong)width * height > MostPixels) throw new DatasetException($"{name} is {width} x {height} pixels. It must have between 1 and {MostPixels}: make it smaller.");
            if (color is not (0 or 2 or 3 or 4 or 6)) throw Damaged(name, $"has colour type {color}");
            if (bits == 16) throw new DatasetException($"{name} has 16 bits a channel. At most 8 are read: convert it.");
            if (bits is not (1 or 2 or 4 or 8) || bits < 8 && color is not (0 or 3)) throw Damaged(name, $"has {bits} bits a channel with colour type {color}");
            if (data[12] != 0) throw new DatasetException($"{name} is interlaced (Adam7), which is not read here. Save it without interlacing.");
            if (data[10] != 0 || data[11] != 0) throw Damaged(name, "has an unknown compression or filter");
            return new PngHeader((int)width, (int)height, bits, color);
        }
    }
}
