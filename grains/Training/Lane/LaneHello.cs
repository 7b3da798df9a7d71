using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>The first frame of either side, before a link has threads.</summary>
internal static unsafe class LaneHello
{
    private const int MaxBytes = 1024;

    public static void Send(ILaneWire wire, LaneGreeting self, LanePeerOptions options)
    {
        var control = self.ToControl(options.ClusterKey, wire.Binding(own: true), options.Time.GetUtcNow());
        var bytes = (byte*)NativeMemory.Alloc((nuint)(LaneFrame.HeadBytes + control.Length));
        try
        {
            new LaneFrame(LaneFrameKind.Hello, ControlBytes: control.Length, ControlCrc: Crc32C.Of(control)).Write(new Span<byte>(bytes, LaneFrame.HeadBytes));
            control.CopyTo(new Span<byte>(bytes + LaneFrame.HeadBytes, control.Length));
            wire.Send([new Segment(bytes, (nuint)(LaneFrame.HeadBytes + control.Length))]);
        }
        finally
        {
            NativeMemory.Free(bytes);
        }
    }

    /// <exception cref="LaneFormatException">Not a greeting of a node that has the cluster's key.</exception>
    public static LaneGreeting Receive(ILaneWire wire, LanePeerOptions options)
    {
        Span<byte> bytes = stackalloc byte[MaxBytes];
        var head = bytes[..LaneFrame.HeadBytes];
        ReceiveAll(wire, head);
        var frame = LaneFrame.Read(head);
        if (frame.Kind != LaneFrameKind.Hello || frame.ControlBytes > MaxBytes) throw new LaneFormatException($"the first frame is {frame.Kind} with {frame.ControlBytes} bytes. It must be Hello with at most {MaxBytes}.");
        var control = bytes[..frame.ControlBytes];
        ReceiveAll(wire, control);
        if (Crc32C.Of(control) != frame.ControlCrc) throw new LaneFormatException("a greeting does not have the checksum that its head says: it was damaged on the way.");
        return LaneGreeting.Read(control, options.ClusterKey, wire.Binding(own: false), options.Time.GetUtcNow());
    }

    private static void ReceiveAll(ILaneWire wire, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var received = wire.Receive(bytes);
            if (received == 0) throw new LaneFormatException("the other side closed before it had greeted. It may have another cluster key.");
            bytes = bytes[received..];
        }
    }
}
