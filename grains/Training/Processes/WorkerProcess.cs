using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The inside of a worker process: takes weights and tree nodes from the lane, gives gradients back, and ends when its parent does.</summary>
public static class WorkerProcess
{
    /// <summary>Ended in good order.</summary>
    public const int Done = 0;

    /// <summary>Could not work; standard error says why.</summary>
    public const int Failed = 1;

    /// <summary>The parent is gone.</summary>
    public const int Orphaned = 3;

    /// <summary>Runs until the parent says goodbye or is gone.</summary>
    /// <param name="resolve">From the order's document to the job.</param>
    /// <param name="input">Standard input.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(Func<string, ResolvedJob> resolve, TextReader input, TextWriter errors)
    {
        try
        {
            var order = WorkerOrder.Parse(input.ReadLine());
            // Whatever this process is doing then: without its parent nobody wants it.
            new Thread(() =>
            {
                while (input.ReadLine() is not null) { }
                Environment.Exit(Orphaned);
            }) { IsBackground = true, Name = "parent" }.Start();
            var job = resolve(order.Document);
            using var connection = LaneConnection.Connect(IPEndPoint.Parse(order.Endpoint));
            return Work(order, job, connection, errors);
        }
        catch (Exception e)
        {
            errors.WriteLine(e);
            return Failed;
        }
    }

    private static readonly TimeSpan _heartbeat = TimeSpan.FromMilliseconds(250);

    // On a thread of its own, so that a long computation is not taken for the end of this process.
    private static void SayAlive(LaneConnection connection, uint stream, ManualResetEventSlim over)
    {
        try
        {
            while (!over.Wait(_heartbeat)) connection.Send(new LaneHeader(LaneKind.Alive, stream), []);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The thread that works sees the same end, and says it.
        }
    }

    private static int Work(WorkerOrder order, ResolvedJob job, LaneConnection connection, TextWriter errors)
    {
        connection.Send(new LaneHeader(LaneKind.Open, Stream: 1, First: order.Number), LaneListener.OpenPayload(Convert.FromBase64String(order.Token), WorkerOrder.IdentityOf(job)));
        if (!connection.TryReadHead(out var header)) return Orphaned;
        if (header.Kind == LaneKind.Refused)
        {
            errors.WriteLine(connection.ReadText(header));
            return Failed;
        }
        var credits = ReadCredits(connection, header);
        // Never disposed: its thread may outlast this method by a moment, and the process ends then.
        var over = new ManualResetEventSlim();
        var stream = header.Stream;
        new Thread(() => SayAlive(connection, stream, over)) { IsBackground = true, Name = "alive" }.Start();
        try
        {
            return Serve(order, job, connection, credits);
        }
        finally
        {
            over.Set();
        }
    }

    private static int Serve(WorkerOrder order, ResolvedJob job, LaneConnection connection, CreditWindow credits)
    {
        using var device = new CpuDevice(order.ComputeThreads, order.InstructionSet);
        using var whole = new WholeModel(order, job, device);
        using var stages = new StageProcess(order, job, device, connection, (gradient, at) => SendGradient(connection, at, gradient, credits));
        while (connection.TryReadHead(out var header))
        {
            switch (header.Kind)
            {
                case LaneKind.Weights when header.Count > 0:
                    stages.TakeWeights(header);
                    break;
                case LaneKind.Weights:
                    connection.ReadPayload(header, LaneVector.Part(whole.Weights, header));
                    break;
                case LaneKind.Stage or LaneKind.Activation or LaneKind.Forward or LaneKind.Backward or LaneKind.EvaluateStage:
                    stages.Take(header);
                    break;
                case LaneKind.Lease:
                    connection.SkipPayload(header);
                    Compute(connection, header, whole.Computer, whole.Gradient, credits);
                    break;
                case LaneKind.Evaluate:
                    connection.SkipPayload(header);
                    Evaluate(connection, header, whole.Computer);
                    break;
                case LaneKind.Goodbye:
                    return Done;
                default:
                    throw new LaneFormatException($"a worker is sent a {header.Kind} frame. It must be Weights, Lease, Evaluate, Goodbye or one for stages.");
            }
        }
        return Orphaned;
    }

    private static CreditWindow ReadCredits(LaneConnection connection, in LaneHeader header)
    {
        if (header.Kind != LaneKind.Opened || header.PayloadBytes != 4) throw new LaneFormatException($"Open is answered by a {header.Kind} frame of {header.PayloadBytes} bytes. It must be Opened with 4 bytes.");
        Span<byte> payload = stackalloc byte[4];
        connection.ReadPayload(header, payload);
        return new CreditWindow(BinaryPrimitives.ReadInt32LittleEndian(payload));
    }

    private static void Compute(LaneConnection connection, LaneHeader lease, IComputer computer, DeviceBuffer gradient, CreditWindow credits)
    {
        try
        {
            computer.Gradient(lease.Step, new TreeNode(lease.First, lease.Count), gradient);
        }
        catch (Exception e) when (e is not IOException)
        {
            connection.SendText(LaneKind.Failure, lease.Stream, e.ToString());
            return;
        }
        SendGradient(connection, lease, gradient, credits);
    }

    private static void SendGradient(LaneConnection connection, LaneHeader lease, DeviceBuffer gradient, CreditWindow credits)
    {
        for (var offset = 0; offset < gradient.Length; offset += LaneVector.FrameElements)
        {
            // A worker sends its nodes in order, so what it sends is always its lowest missing node.
            while (!credits.TryTake(lowestMissingNode: true)) AwaitCredit(connection, credits);
            LaneVector.Send(connection, lease with { Kind = LaneKind.Gradient }, gradient.View, offset);
        }
        while (credits.Available < credits.Granted) AwaitCredit(connection, credits);
    }

    private static void AwaitCredit(LaneConnection connection, CreditWindow credits)
    {
        if (!connection.TryReadHead(out var header)) throw new IOException("the connection closed while credits were out.");
        if (header.Kind != LaneKind.Credit) throw new LaneFormatException($"a worker with gradients under way is sent a {header.Kind} frame. It must be Credit.");
        connection.SkipPayload(header);
        credits.Return();
    }

    internal const int SumsBytes = 32;

    internal static void Write(in EvaluationTotals totals, Span<byte> payload)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(payload, totals.Loss);
        BinaryPrimitives.WriteInt64LittleEndian(payload[8..], totals.Correct);
        BinaryPrimitives.WriteInt64LittleEndian(payload[16..], totals.Samples);
        BinaryPrimitives.WriteDoubleLittleEndian(payload[24..], totals.Weight);
    }

    /// <summary>What leases of the whole model need; a process that only ever runs stages never has it.</summary>
    private sealed class WholeModel(WorkerOrder order, ResolvedJob job, Device device) : IDisposable
    {
        private DeviceBuffer? _weights;
        private DeviceBuffer? _gradient;
        private IComputer? _computer;

        public View Weights => (_weights ??= device.Allocate(job.Layout.Length)).View;

        public DeviceBuffer Gradient => _gradient ??= device.Allocate(job.Layout.Length);

        public IComputer Computer => _computer ??= IComputer.Make(job, order.Device, device, Weights);

        public void Dispose()
        {
            _computer?.Dispose();
            _gradient?.Dispose();
            _weights?.Dispose();
        }
    }

    private static void Evaluate(LaneConnection connection, LaneHeader lease, IComputer computer)
    {
        try
        {
            var totals = computer.Evaluate(lease.Step, new TreeNode(lease.First, lease.Count));
            Span<byte> payload = stackalloc byte[SumsBytes];
            Write(totals, payload);
            connection.Send(lease with { Kind = LaneKind.Evaluated }, payload);
        }
        catch (Exception e) when (e is not IOException)
        {
            connection.SendText(LaneKind.Failure, lease.Stream, e.ToString());
        }
    }
}

/// <summary>A flat vector as frames of at most a mebibyte.</summary>
internal static class LaneVector
{
    public const int FrameElements = LaneHeader.MaxPayloadBytes / sizeof(float);

    public static void Send(LaneConnection connection, LaneHeader header, View vector, int offset) =>
        connection.Send(header with { Offset = offset }, MemoryMarshal.AsBytes(vector.AsSpan().Slice(offset, Math.Min(FrameElements, vector.Length - offset))));

    /// <summary>Where a frame's payload belongs; refused where it does not lie in the vector.</summary>
    public static Span<byte> Part(View vector, in LaneHeader header)
    {
        if (header.PayloadBytes % sizeof(float) != 0 || header.Offset < 0 || header.Offset > vector.Length - header.PayloadBytes / sizeof(float))
            throw new LaneFormatException($"a {header.Kind} frame holds {header.PayloadBytes} bytes for element {header.Offset} on. The vector has {vector.Length} elements.");
        return MemoryMarshal.AsBytes(vector.AsSpan().Slice((int)header.Offset, header.PayloadBytes / sizeof(float)));
    }
}
