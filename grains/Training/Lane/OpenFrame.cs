using System.Buffers.Binary;
using System.Text;

namespace DistTrain.Training;

/// <summary>Control bytes of an Open frame: length and bytes of the job's name, length and bytes of the token (lengths 2 bytes, little-endian), greeting.</summary>
internal static class OpenFrame
{
    public static byte[] Write(string job, ReadOnlySpan<byte> token, ReadOnlySpan<byte> greeting)
    {
        var name = Encoding.UTF8.GetBytes(job);
        var control = new byte[4 + name.Length + token.Length + greeting.Length];
        if (control.Length > LaneFrame.MaxControlBytes) throw new ArgumentException($"an Open frame of {control.Length} bytes is to be sent. It must have at most {LaneFrame.MaxControlBytes}.", nameof(greeting));
        BinaryPrimitives.WriteUInt16LittleEndian(control, (ushort)name.Length);
        name.CopyTo(control, 2);
        BinaryPrimitives.WriteUInt16LittleEndian(control.AsSpan(2 + name.Length), (ushort)token.Length);
        token.CopyTo(control.AsSpan(4 + name.Length));
        greeting.CopyTo(control.AsSpan(4 + name.Length + token.Length));
        return control;
    }

    /// <exception cref="LaneFormatException">Not what an Open frame holds.</exception>
    public static void Read(ReadOnlySpan<byte> control, out string job, out ReadOnlySpan<byte> token, out ReadOnlySpan<byte> greeting)
    {
        job = Encoding.UTF8.GetString(Field(ref control));
        token = Field(ref control);
        greeting = control;
    }

    private static ReadOnlySpan<byte> Field(scoped ref ReadOnlySpan<byte> control)
    {
        var bytes = control.Length < 2 ? -1 : BinaryPrimitives.ReadUInt16LittleEndian(control);
        if (bytes < 0 || bytes > control.Length - 2) throw new LaneFormatException($"an Open frame announces a field of {bytes} bytes and holds {control.Length - 2}.");
        var field = control.Slice(2, bytes);
        control = control[(2 + bytes)..];
        return field;
    }
}
