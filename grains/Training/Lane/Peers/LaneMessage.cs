using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A message that came over a stream: control bytes and, where there is one, a payload in rented memory. Disposed of once; not used afterwards.</summary>
public sealed class LaneMessage : IDisposable
{
    private readonly LaneStream _stream;
    private readonly int _controlBytes;
    private readonly int _payloadOffset;
    private LaneBuffer? _buffer;
    private bool _credit;

    private LaneMessage(LaneStream stream, LaneBuffer buffer, int controlBytes, int payloadOffset, int payloadBytes)
    {
        (_stream, _buffer, _controlBytes, _payloadOffset) = (stream, buffer, controlBytes, payloadOffset);
        (PayloadBytes, _credit) = (payloadBytes, payloadBytes > 0);
    }

    internal static LaneMessage Rent(LaneStream stream, LanePool pool, ReadOnlySpan<byte> control, int payloadBytes)
    {
        // The payload begins on a cache line of its own.
        var payloadOffset = (control.Length + 63) / 64 * (64 / sizeof(float));
        var buffer = pool.Rent(payloadOffset + (int)(((long)payloadBytes + sizeof(float) - 1) / sizeof(float)));
        control.CopyTo(MemoryMarshal.AsBytes(buffer.View.AsSpan()));
        return new LaneMessage(stream, buffer, control.Length, payloadOffset, payloadBytes);
    }

    /// <summary>What the sender gave as control, at most <see cref="LaneFrame.MaxControlBytes"/>.</summary>
    public ReadOnlySpan<byte> Control => MemoryMarshal.AsBytes(Buffer.View.AsSpan())[.._controlBytes];

    public int PayloadBytes { get; }

    /// <summary>The payload, 64-byte aligned; the receiver may write in it.</summary>
    public Span<byte> Payload => MemoryMarshal.AsBytes(Buffer.View.AsSpan()[_payloadOffset..])[..PayloadBytes];

    /// <summary>The payload's whole elements of four bytes as a view on the peer's device.</summary>
    public View Elements => Buffer.View.Part(_payloadOffset, PayloadBytes / sizeof(float));

    private LaneBuffer Buffer => _buffer ?? throw new ObjectDisposedException(nameof(LaneMessage));

    /// <summary>Returns the credit now and keeps the buffer until disposal: for a payload that waits for its siblings, so that the sender does not wait with it.</summary>
    public void ReturnCredit()
    {
        if (!_credit) return;
        _credit = false;
        _stream.ReturnCredit();
    }

    public void Dispose()
    {
        if (_buffer is not { } buffer) return;
        _buffer = null;
        buffer.Dispose();
        ReturnCredit();
    }
}
