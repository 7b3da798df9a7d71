using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A message that came over a stream: control bytes and, where there is one, a payload in rented memory. Disposed of once; not used afterwards.</summary>
public sealed class LaneMessage : IDisposable
{
    private readonly LaneStream _stream;
    private readonly int _controlBytes;
    private readonly int _payloadOffset;
    private readonly View[] _places;
    private LaneBuffer? _buffer;
    private bool _credit;

    private LaneMessage(LaneStream stream, LaneBuffer buffer, int controlBytes, int payloadOffset, int payloadBytes, View[] places)
    {
        (_stream, _buffer, _controlBytes, _payloadOffset, _places) = (stream, buffer, controlBytes, payloadOffset, places);
        (PayloadBytes, _credit) = (payloadBytes, payloadBytes > 0);
    }

    /// <summary>A payload goes to so many places at most: <see cref="ILaneReceiver.PlacesFor"/>.</summary>
    public const int MaxPlaces = 4;

    internal static LaneMessage Rent(LaneStream stream, LanePool pool, ReadOnlySpan<byte> control, int payloadBytes, ReadOnlySpan<View> places)
    {
        if (places.Length > 0) return InPlaces(stream, pool, control, payloadBytes, places);

        // The payload begins on a cache line of its own.
        var payloadOffset = (control.Length + 63) / 64 * (64 / sizeof(float));
        var buffer = pool.Rent(payloadOffset + (int)(((long)payloadBytes + sizeof(float) - 1) / sizeof(float)));
        control.CopyTo(MemoryMarshal.AsBytes(buffer.View.AsSpan()));
        return new LaneMessage(stream, buffer, control.Length, payloadOffset, payloadBytes, [buffer.View.Part(payloadOffset, buffer.View.Length - payloadOffset)]);
    }

    private static LaneMessage InPlaces(LaneStream stream, LanePool pool, ReadOnlySpan<byte> control, int payloadBytes, ReadOnlySpan<View> places)
    {
        var room = 0L;
        foreach (var place in places) room += (long)place.Length * sizeof(float);
        if (room != payloadBytes) throw new LaneFormatException($"a payload of {payloadBytes} bytes comes. There is room for {room}.");
        var buffer = pool.Rent((control.Length + sizeof(float) - 1) / sizeof(float));
        control.CopyTo(MemoryMarshal.AsBytes(buffer.View.AsSpan()));
        return new LaneMessage(stream, buffer, control.Length, -1, payloadBytes, places.ToArray());
    }

    /// <summary>What the sender gave as control, at most <see cref="LaneFrame.MaxControlBytes"/>.</summary>
    public ReadOnlySpan<byte> Control => MemoryMarshal.AsBytes(Buffer.View.AsSpan())[.._controlBytes];

    public int PayloadBytes { get; }

    /// <summary>The payload is not here but in the places that the receiver gave for it.</summary>
    public bool IsInPlaces => _payloadOffset < 0;

    /// <summary>The payload, 64-byte aligned; the receiver may write in it. Not of one in places.</summary>
    public Span<byte> Payload => MemoryMarshal.AsBytes(Buffer.View.AsSpan()[_payloadOffset..])[..PayloadBytes];

    /// <summary>The payload's whole elements of four bytes as a view on the peer's device.</summary>
    public View Elements => Buffer.View.Part(_payloadOffset, PayloadBytes / sizeof(float));

    /// <summary>Where payload bytes from <paramref name="offset"/> on go: as many as lie together.</summary>
    internal Span<byte> Room(int offset)
    {
        foreach (var place in _places)
        {
            var bytes = MemoryMarshal.AsBytes(place.AsSpan());
            if (offset < bytes.Length) return bytes[offset..];
            offset -= bytes.Length;
        }
        return [];
    }

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
