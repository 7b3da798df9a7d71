using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A frame or message on its way out; used again after.</summary>
internal sealed class Outgoing
{
    private readonly byte[] _control = new byte[ControlRoom];
    private byte[] _longControl = [];
    private View[] _payload = new View[1];
    private int _pieces;
    private IDisposable? _owner;

    private const int ControlRoom = 512;

    public LaneFrameKind Kind { get; private set; }

    public LaneStream? Stream { get; private set; }

    public uint Number { get; set; }

    public int Count { get; set; }

    public int ControlBytes { get; private set; }

    public int MessageBytes { get; private set; }

    /// <summary>Payload bytes that are gone.</summary>
    public int Sent { get; set; }

    /// <summary>It has its credit.</summary>
    public bool Credited { get; set; }

    /// <summary>Its stream is over: what is left of it is not sent.</summary>
    public bool Dropped { get; set; }

    public ReadOnlySpan<byte> Control => (ControlBytes <= ControlRoom ? _control : _longControl).AsSpan(0, ControlBytes);

    public bool IsGone => Sent == MessageBytes;

    public void Set(LaneFrameKind kind, LaneStream? stream, ReadOnlySpan<byte> control, ReadOnlySpan<View> payload, IDisposable? owner, int messageBytes)
    {
        (Kind, Stream, ControlBytes, MessageBytes, Sent, Count, Credited, Dropped, _owner) = (kind, stream, control.Length, messageBytes, 0, 0, false, false, owner);
        if (control.Length > ControlRoom && _longControl.Length < control.Length) _longControl = new byte[control.Length];
        control.CopyTo(control.Length <= ControlRoom ? _control : _longControl);
        if (payload.Length > _payload.Length) _payload = new View[payload.Length];
        payload.CopyTo(_payload);
        _pieces = payload.Length;
    }

    /// <summary>Segments of payload bytes [Sent, Sent + bytes).</summary>
    /// <returns>How many.</returns>
    public unsafe int Gather(int bytes, Span<Segment> segments)
    {
        var (skip, count) = ((long)Sent, 0);
        for (var i = 0; i < _pieces && bytes > 0; i++)
        {
            var length = (long)_payload[i].Length * sizeof(float);
            if (skip < length)
            {
                var part = (int)Math.Min(length - skip, bytes);
                segments[count++] = new Segment((byte*)_payload[i].Floats() + skip, (nuint)part);
                bytes -= part;
                skip = 0;
            }
            else skip -= length;
        }
        return count;
    }

    /// <summary>Lets the payload go.</summary>
    public void Release()
    {
        var owner = _owner;
        (_owner, Stream) = (null, null);
        _payload.AsSpan(0, _pieces).Clear();
        _pieces = 0;
        if (_longControl.Length > 0) _longControl = [];
        owner?.Dispose();
    }

    public static int BytesOf(ReadOnlySpan<View> payload)
    {
        var bytes = 0L;
        foreach (var piece in payload) bytes += (long)piece.Length * sizeof(float);
        return bytes <= int.MaxValue ? (int)bytes : throw new ArgumentException($"a payload of {bytes} bytes is to be sent. It must have at most {int.MaxValue}: cut it into messages.", nameof(payload));
    }
}
