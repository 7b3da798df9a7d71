using Orleans;
using Orleans.Placement;

namespace DistTrain.Cluster.Tests.Bench;

/// <summary>Takes bytes: what a tensor in a grain call would cost.</summary>
public interface ITakeGrain : IGrainWithIntegerKey
{
    /// <summary>Whether it lives on the silo that measures.</summary>
    Task<bool> IsNear();

    Task<int> Take(byte[] bytes);
}

/// <summary>Which end of the measurement this silo is.</summary>
public sealed record MeasuredEnd(bool IsNear);

[RandomPlacement]
public sealed class TakeGrain(MeasuredEnd end) : Grain, ITakeGrain
{
    public Task<bool> IsNear() => Task.FromResult(end.IsNear);

    public Task<int> Take(byte[] bytes) => Task.FromResult(bytes.Length);
}
