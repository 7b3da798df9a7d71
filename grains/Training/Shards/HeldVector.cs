using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>A vector that travels: weights that are pulled, a part of a gradient, a copy of a state. Who made or received it is its first holder.</summary>
internal abstract class HeldVector : IHeld
{
    private int _holders = 1;
    private GradientPart? _part;

    public abstract View View { get; }

    /// <summary>The same elements as a shard takes them.</summary>
    public GradientPart Part => _part ??= new GradientPart(this, View);

    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _holders);
        if (left == 0) Return();
        else if (left < 0) throw new InvalidOperationException("a vector is released more often than it was held.");
    }

    void IDisposable.Dispose() => Release();

    protected void HeldAgain()
    {
        _holders = 1;
        if (_part is { } part) part.Folded = false;
    }

    protected abstract void Return();
}

/// <summary>A vector of a <see cref="VectorPool"/>.</summary>
internal sealed class PooledVector(VectorPool pool, DeviceBuffer buffer) : HeldVector
{
    public override View View => buffer.View;

    internal void Rented() => HeldAgain();

    internal void Free() => buffer.Dispose();

    protected override void Return() => pool.Return(this);
}

/// <summary>Elements of a message that came over the lane.</summary>
internal sealed class ReceivedVector(LaneMessage message, View elements) : HeldVector
{
    public override View View => elements;

    protected override void Return() => message.Dispose();
}
