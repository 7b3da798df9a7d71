using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>A worker process: it keeps the weights it pulled and computes tree nodes after a while.</summary>
internal sealed partial class SimulatedWorker(World world, int number, PlanIdentity identity)
    : SimulatedHost(world, new WorkerMachine(world.Scenario.Plan, number, new WorkerHello($"worker-{number}", identity), world.Planted))
{
    private Message _lastPush;

    private readonly float[] _weights = new float[world.Scenario.Elements];

    /// <summary>Milliseconds for one micro-batch.</summary>
    internal double Slowness
    {
        get => World.Scenario.Plan.IsPiped ? Math.Min(field, 20) : field;
        set;
    } = world.Random.Chance(0.15) ? world.Random.Between(5, 25) : world.Random.Between(0.2, 1);

    /// <summary>What happens the next time that it computes or pushes.</summary>
    internal FaultKind? Armed { get; set; }

    internal WorkerMachine Worker => (WorkerMachine)Machine;

    protected override void Perform(in Effect effect)
    {
        switch (effect.Kind)
        {
            case EffectKind.Send: World.Send(this, Attach(effect.Message)); break;
            case EffectKind.KeepWeights:
                var shard = World.Scenario.Plan.Shards[(int)effect.Message.Digest];
                ((float[])effect.Payload!).CopyTo(_weights, shard.FirstBlock * Scenario.BlockLength);
                break;
            case EffectKind.Compute: Compute(effect.Message); break;
            case EffectKind.Forward: Forward(effect.Message, (float[]?)effect.Payload); break;
            case EffectKind.Backward: Backward(effect.Message, (float[]?)effect.Payload); break;
            case EffectKind.Fold: ((Gradient)effect.Payload!).Add((Gradient)effect.Other!); break;
            case EffectKind.Ended: Crash(); break;
            default: break;
        }
    }

    protected override void After(in Message message)
    {
        if (World.Scenario.Plan.IsPiped && !Worker.HasEnded && Machine.Waits.Count == 0) World.Violate($"{Address} waits for nothing and has not ended");
        if (World.CorruptNext && message.Kind == MessageKind.Answer && message.Verdict == Verdict.Accepted && message.From == _lastPush.To && message.Node == _lastPush.Node) Corrupt();
        if (Armed is not { } armed || Machine.Waits.Count == 0) return;
        var kind = Machine.Waits[^1].Kind;
        if (armed is FaultKind.WorkerCrashMidCompute or FaultKind.WorkerStallMidCompute ? kind != WaitKind.Computation : kind != WaitKind.Answers) return;
        if (armed is FaultKind.WorkerCrashMidCompute or FaultKind.WorkerCrashMidPush) World.CrashWorker(this);
        else StalledUntil = World.Now + TimeSpan.FromMilliseconds(World.Random.Between(50, 1500));
        World.Count(armed);
        Armed = null;
    }

    // What was accepted a moment ago comes again with a flipped bit.
    private void Corrupt()
    {
        var gradient = ((Gradient)_lastPush.Payload!).Copy();
        gradient.Values[0] = -gradient.Values[0];
        World.CorruptNext = false;
        World.Count(FaultKind.CorruptRepeat);
        World.Send(this, _lastPush with { Payload = gradient, Digest = gradient.Digest });
    }

    /// <summary>The seat gets its shard's part of the gradient, and its digest.</summary>
    private Message Attach(in Message message)
    {
        if (message.Kind != MessageKind.Push) return message;
        var plan = World.Scenario.Plan;
        var shard = Worker.ShardOf(message.To);
        if (shard < 0) return message with { Payload = null };
        var start = plan.Shards[shard].FirstBlock * Scenario.BlockLength;
        var length = plan.Shards[shard].BlockCount * Scenario.BlockLength + (shard == plan.Shards.Length - 1 ? Arithmetic.Figures : 0);
        var part = ((Gradient)message.Payload!).Part(start, length);
        return _lastPush = message with { Payload = part, Digest = part.Digest };
    }

    private void Compute(Message lease)
    {
        var weights = (float[])[.. _weights];
        var evaluation = lease.Open.Kind == StepKind.Evaluate;
        var cut = evaluation ? World.Scenario.Plan.EvaluationCut : World.Scenario.Plan.Cut(lease.Open.Step);
        var cover = new TreeNode[TreeNode.MostInCover(cut.Count)];
        var nodes = TreeNode.Cover(lease.Node.First, lease.Node.Count, cut.Count, cover);
        if (World.Random.Chance(0.003))
        {
            World.Count(FaultKind.UserCodeThrows);
            Answer(new Message { Kind = MessageKind.ComputeFailed, Lease = lease.Lease, Text = "division by zero in layer 3" }, Slowness);
            return;
        }
        var milliseconds = 0.0;
        World.LeasesAlone++;
        for (var i = 0; i < nodes; i++)
        {
            var node = cover[i];
            if (cut.IsAbsent(node)) continue;
            milliseconds += Slowness * node.Count;
            var message = new Message { Kind = MessageKind.Computed, Lease = lease.Lease, Node = node };
            Answer(evaluation ? message with { Totals = Totals(lease.Open.Step, node, weights, cut) } : message with { Payload = Node(lease.Open.Step, node, weights, cut) }, milliseconds);
        }
    }

    private Gradient Node(long step, TreeNode node, float[] weights, MicroBatches cut)
    {
        if (!node.IsLeaf)
        {
            if (cut.IsAbsent(node.Left)) return Node(step, node.Right, weights, cut);
            var left = Node(step, node.Left, weights, cut);
            if (!cut.IsAbsent(node.Right)) left.Add(Node(step, node.Right, weights, cut));
            return left;
        }
        var (values, counts) = (new float[World.Arithmetic.GradientLength], new int[cut.Count]);
        World.Arithmetic.Leaf(step, node.First, weights, values);
        counts[node.First] = 1;
        return new Gradient(step, values, counts);
    }

    private EvaluationTotals Totals(long version, TreeNode node, float[] weights, MicroBatches cut)
    {
        if (node.IsLeaf) return World.Arithmetic.Evaluate(version, node.First, weights);
        if (cut.IsAbsent(node.Left)) return Totals(version, node.Right, weights, cut);
        var left = Totals(version, node.Left, weights, cut);
        return cut.IsAbsent(node.Right) ? left : left + Totals(version, node.Right, weights, cut);
    }
}
