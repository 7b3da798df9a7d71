using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>A gradient, or one shard's part of it, with how often each micro-batch is in it: the independent count of exactly once.</summary>
internal sealed class Gradient(long step, float[] values, int[] counts)
{
    internal long Step { get; } = step;
    internal float[] Values { get; } = values;
    internal int[] Counts { get; } = counts;

    internal ulong Digest => Arithmetic.Hash(Values);

    internal Gradient Part(int start, int length) => new(Step, Values.AsSpan(start, length).ToArray(), [.. Counts]);

    internal Gradient Copy() => new(Step, [.. Values], [.. Counts]);

    internal void Add(Gradient other)
    {
        for (var k = 0; k < Values.Length; k++) Values[k] += other.Values[k];
        for (var i = 0; i < Counts.Length; i++) Counts[i] += other.Counts[i];
    }
}

internal sealed record SeatMemory(float[] Weights, float[] Momentum);

/// <summary>The memory of one seat: weights, momentum, and what the shard machine tells it to do with gradients.</summary>
internal sealed class SimulatedSeat(World world, int number) : SimulatedHost(world, new ShardMachine(world.Scenario.Plan, number, world.Planted))
{
    private float[] _weights = [];
    private float[] _momentum = [];
    private long _version = -1;
    private long _incarnationBefore;
    private long _latestLoad;

    internal ShardMachine Shard => (ShardMachine)Machine;

    internal float[] Weights => _weights;
    internal float[] Momentum => _momentum;
    internal long MemoryVersion => _version;

    internal enum DiskFault { None, Torn, Lost, Full }

    /// <summary>What becomes of the next snapshot.</summary>
    internal DiskFault NextSnapshot { get; set; }

    private JobPlan Plan => World.Scenario.Plan;

    private ShardPlan Blocks => Plan.Shards[Shard.Shard];

    private bool IsLast => Shard.Shard == Plan.Shards.Length - 1;

    protected override void Before(in Message message) => _incarnationBefore = Shard.Incarnation;

    protected override void After(in Message message)
    {
        if (Shard.Incarnation < _incarnationBefore) World.Violate($"{Address} went back from incarnation {_incarnationBefore} to {Shard.Incarnation}");
    }

    protected override void Perform(in Effect effect)
    {
        var message = effect.Message;
        switch (effect.Kind)
        {
            case EffectKind.Send: World.Send(this, Attach(message)); break;
            case EffectKind.Fold: ((Gradient)effect.Payload!).Add((Gradient)effect.Other!); break;
            case EffectKind.Norms: Norms(message, (Gradient)effect.Payload!); break;
            case EffectKind.Apply: Apply(message, (Gradient)effect.Payload!); break;
            case EffectKind.Snapshot: Snapshot(message); break;
            case EffectKind.Load: Load(message, (RestoreFrom)effect.Payload!); break;
            case EffectKind.Install:
                var memory = (SeatMemory)((ShardState)effect.Payload!).Memory!;
                (_weights, _momentum, _version) = (memory.Weights, memory.Momentum, message.Step);
                break;
            case EffectKind.Ended: Crash(); break;
            default: break;
        }
    }

    private Message Attach(in Message message)
    {
        if (message.Kind == MessageKind.Answer && message.Verdict == Verdict.Accepted) World.CheckFence(this, message);
        if (message.Kind == MessageKind.Weights)
        {
            if (message.Step != _version) World.Violate($"{Address} sends weights {_version} as version {message.Step}");
            return message with { Payload = (float[])[.. _weights] };
        }
        if (message.Kind == MessageKind.Mirror) return message with { Payload = ((Gradient)message.Payload!).Copy() };
        if (message.Kind != MessageKind.State) return message;
        var state = (ShardState)message.Payload!;
        return message with { Payload = state with { Memory = new SeatMemory([.. _weights], [.. _momentum]) } };
    }

    private void Norms(in Message message, Gradient root)
    {
        var squares = new double[Blocks.BlockCount];
        for (var b = 0; b < squares.Length; b++) squares[b] = Arithmetic.SquaresOf(root.Values.AsSpan(b * Scenario.BlockLength, Scenario.BlockLength));
        var figures = new ReducedFigures { Squares = squares, HasLoss = IsLast, Loss = IsLast ? root.Values[^2] : 0, Correct = IsLast ? root.Values[^1] : 0 };
        Answer(message with { Kind = MessageKind.NormsReady, Payload = figures, Digest = root.Digest }, World.Random.Between(0.01, 0.5));
    }

    private void Apply(in Message message, Gradient root)
    {
        if (_version != message.Step || root.Step != message.Step) World.Violate($"{Address} applies a gradient of step {root.Step} as step {message.Step} to version {_version}");
        World.CheckOnce(this, root);
        if (!message.Open.Last.Skip) Arithmetic.Step(message.Open.Scalars, message.Open.Last.Coefficient, _weights, _momentum, root.Values.AsSpan(0, _weights.Length));
        _version++;
        Answer(message with { Kind = MessageKind.Applied, Step = _version }, World.Random.Between(0.01, 1));
    }

    private void Snapshot(Message message)
    {
        var file = new ShardFile([.. _weights], [.. _momentum], Arithmetic.Hash(_momentum, Arithmetic.Hash(_weights)));
        var (name, shard, fault) = (new CheckpointName(message.Step, message.Incarnation), Shard.Shard, NextSnapshot);
        NextSnapshot = DiskFault.None;
        if (fault == DiskFault.Full)
        {
            Answer(message with { Kind = MessageKind.SnapshotWritten, Text = "no space left on the disk" }, 1);
            return;
        }
        World.After(World.Random.Between(1, 60), () =>
        {
            if (!IsAlive || fault == DiskFault.Torn) World.Store.Put(name, shard, file with { Weights = [.. file.Weights.AsSpan(0, file.Weights.Length / 2)] });
            else World.Store.Put(name, shard, fault == DiskFault.Lost ? null : file);
            if (fault != DiskFault.None) World.TornCheckpoints.Add(name);
            if (IsAlive) Answer(message with { Kind = MessageKind.SnapshotWritten, Payload = "file" }, 0.1);
        });
    }

    private void Load(Message message, RestoreFrom from)
    {
        var shard = Shard.Shard;
        _latestLoad = message.Lease;
        World.AfterStore(World.Random.Between(0.5, 8), () =>
        {
            if (!IsAlive) return;
            var first = Plan.Shards[shard].FirstBlock * Scenario.BlockLength;
            var length = Plan.Shards[shard].BlockCount * Scenario.BlockLength;
            var file = from.Manifest is null ? Initial(first, length) : World.Store.File(from.Name, shard);
            if (file is not { Verifies: true })
            {
                Answer(message with { Kind = MessageKind.Loaded, Step = -1, Text = "the file does not verify" }, 0.1);
                return;
            }
            // What a later Load or Install has put there is not overwritten by an earlier one.
            if (message.Incarnation != Shard.Incarnation || message.Lease != _latestLoad) return;
            (_weights, _momentum, _version) = ([.. file.Weights], [.. file.Momentum], from.Name.Version);
            Answer(message with { Kind = MessageKind.Loaded, Step = from.Name.Version }, 0.1);
        });
    }

    private ShardFile Initial(int first, int length)
    {
        var weights = new float[length];
        for (var k = 0; k < length; k++) weights[k] = World.Arithmetic.InitialWeight(first + k);
        var momentum = new float[length];
        return new ShardFile(weights, momentum, Arithmetic.Hash(momentum, Arithmetic.Hash(weights)));
    }
}
