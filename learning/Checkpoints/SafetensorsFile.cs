using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DistTrain.Learning;

/// <summary>A safetensors file open for reading: the header is checked wholly, tensors are read on demand, in whole or part. Reads may come from several threads.</summary>
/// <remarks>Positional reads rather than a memory map: a file cut short under a map ends the process, here it is an error.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle _handle;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header) => (_path, _handle, Header) = (path, handle, header);

    public SafetensorsHeader Header { get; }

    /// <exception cref="SafetensorsException">The file cannot be read or is not safetensors.</exception>
    public static SafetensorsFile Open(string path)
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("safetensors files hold little-endian numbers, and so must this machine's memory.");
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path);
            var fileBytes = RandomAccess.GetLength(handle);
            var start = new byte[Math.Min(SafetensorsHeader.LengthBytes, fileBytes)];
            Fill(handle, start, 0, path);
            var json = new byte[SafetensorsHeader.ReadLength(start, fileBytes, path)];
            Fill(handle, json, SafetensorsHeader.LengthBytes, path);
            return new(path, handle, SafetensorsHeader.Parse(json, fileBytes, path));
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (e is IOException or UnauthorizedAccessException or ArgumentException) throw new SafetensorsException(path, $"cannot be read: {e.Message}", e);
            throw;
        }
    }

    /// <summary>The tensor of that name.</summary>
    public SafetensorsEntry this[string name] => Header.Find(name)
        ?? throw new SafetensorsException(_path, $"has no tensor \"{name}\". It has {string.Join(", ", Header.Entries.Take(20).Select(e => e.Name))}{(Header.Entries.Count > 20 ? ", ..." : "")}.");

    /// <summary>Raw little-endian bytes of a tensor from <paramref name="firstByte"/> on, as many as <paramref name="bytes"/> holds.</summary>
    public void ReadBytes(SafetensorsEntry entry, Span<byte> bytes, long firstByte = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstByte);
        if (bytes.Length > entry.Bytes - firstByte)
            throw new ArgumentException($"tensor \"{entry.Name}\" has {entry.Bytes} bytes; {bytes.Length} were asked for from byte {firstByte} on.", nameof(bytes));
        Fill(_handle, bytes, Header.DataStart + entry.Begin + firstByte, _path);
    }

    /// <summary>Elements of a tensor whose type is <typeparamref name="T"/>, from <paramref name="firstElement"/> on.</summary>
    public void Read<T>(SafetensorsEntry entry, Span<T> elements, long firstElement = 0) where T : unmanaged
    {
        if (TypeOf<T>() != entry.Type)
            throw new SafetensorsException(_path, $"tensor \"{entry.Name}\" is {entry.Type}. It must be {TypeOf<T>()} here.");
        ReadBytes(entry, MemoryMarshal.AsBytes(elements), checked(firstElement * entry.Type.ElementBytes()));
    }

    /// <summary>Elements of a tensor of any floating-point type as float32: F16 and BF16 exactly, F64 rounded to nearest.</summary>
    public void ReadFloats(SafetensorsEntry entry, Span<float> elements, long firstElement = 0)
    {
        switch (entry.Type)
        {
            case SafetensorsType.F32:
                Read(entry, elements, firstElement);
                break;
            case SafetensorsType.F16:
                Convert<Half>(entry, elements, firstElement, half => (float)half);
                break;
            case SafetensorsType.F64:
                Convert<double>(entry, elements, firstElement, real => (float)real);
                break;
            case SafetensorsType.BF16:
                var bytes = new byte[2 * elements.Length];
                ReadBytes(entry, bytes, checked(2 * firstElement));
                for (var i = 0; i < elements.Length; i++) elements[i] = BitConverter.Int32BitsToSingle(bytes[2 * i] << 16 | bytes[2 * i + 1] << 24);
                break;
            default:
                throw new SafetensorsException(_path, $"tensor \"{entry.Name}\" is {entry.Type}. It must be F32, F16, BF16 or F64 here.");
        }
    }

    public void Dispose() => _handle.Dispose();

    private void Convert<T>(SafetensorsEntry entry, Span<float> elements, long firstElement, Func<T, float> toFloat) where T : unmanaged
    {
        var source = new T[elements.Length];
        Read<T>(entry, source, firstElement);
        for (var i = 0; i < source.Length; i++) elements[i] = toFloat(source[i]);
    }

    private static SafetensorsType TypeOf<T>() =>
        typeof(T) == typeof(float) ? SafetensorsType.F32
        : typeof(T) == typeof(double) ? SafetensorsType.F64
        : typeof(T) == typeof(Half) ? SafetensorsType.F16
        : typeof(T) == typeof(int) ? SafetensorsType.I32
        : typeof(T) == typeof(long) ? SafetensorsType.I64
        : typeof(T) == typeof(short) ? SafetensorsType.I16
        : typeof(T) == typeof(sbyte) ? SafetensorsType.I8
        : typeof(T) == typeof(uint) ? SafetensorsType.U32
        : typeof(T) == typeof(ulong) ? SafetensorsType.U64
        : typeof(T) == typeof(ushort) ? SafetensorsType.U16
        : typeof(T) == typeof(byte) ? SafetensorsType.U8
        : throw new NotSupportedException($"no safetensors type has the elements of {typeof(T)}.");

    private static void Fill(SafeFileHandle handle, Span<byte> bytes, long at, string path)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(handle, bytes, at);
            if (read == 0) throw new SafetensorsException(path, $"ends at byte {at} while {bytes.Length} more are to be read: it was cut short while open.");
            bytes = bytes[read..];
            at += read;
        }
    }
}
