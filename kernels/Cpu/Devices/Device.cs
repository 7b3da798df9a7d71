using System.Collections.Concurrent;

namespace DistTrain.Kernels;

/// <summary>Where tensors live and ops run. One thread drives a device at a time.</summary>
public abstract class Device : IDisposable
{
    private readonly ConcurrentDictionary<Type, object> _ops = new();

    /// <summary>What the spec and the logs call it: <c>cpu</c>, <c>gpu:0</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Devices of one class give the same bits: on a CPU the class is the same for every vector width and thread count.</summary>
    public abstract string DeterminismClass { get; }

    /// <summary>The op's version for this device, made once. Learning asks once per layer and keeps it.</summary>
    /// <exception cref="NotSupportedException">The op has no version for this device; there is no silent fallback.</exception>
    public TOp Op<TOp>() where TOp : class, IOp =>
        (TOp)_ops.GetOrAdd(typeof(TOp), static (op, device) => device.MakeOp(op), this);

    public abstract DeviceBuffer Allocate(int length);

    protected abstract object MakeOp(Type op);

    public abstract void Dispose();
}

/// <summary>Marks an op's interface: IX in Ops/&lt;family&gt;/X.cs, beside XReference (plain loops: the definition) and XCpu.</summary>
public interface IOp;
