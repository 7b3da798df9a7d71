using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

/// <summary>A job of two shards and four micro-batches, and what a machine says to one message.</summary>
internal static class Small
{
    internal static readonly JobPlan Plan = new()
    {
        Name = "small", Key = 7, Seed = 1, Samples = 32, BatchSize = 16, MicroBatches = 4, Epochs = 2,
        Shards = [new ShardPlan(0, 1), new ShardPlan(1, 2)], ClipNorm = 1, CheckpointEvery = 3,
        Identity = new PlanIdentity("spec", "model", "data"),
    };

    internal static readonly Placement Alone = new([new ShardSeats(1, ShardSeats.None), new ShardSeats(2, ShardSeats.None)]);
    internal static readonly Placement WithReplica = new([new ShardSeats(1, 3), new ShardSeats(2, 4)]);

    internal sealed class Rule : IStepRule
    {
        public double LearningRate(long step) => 0.5;

        public float Coefficient(double norm, double clip, double factor) => DistTrain.Learning.Clipping.Coefficient(norm, clip, factor);

        public int Scalars(long update, double learningRate, Span<float> scalars)
        {
            scalars[0] = (float)learningRate;
            return 1;
        }
    }

    /// <summary>The effects of one message.</summary>
    internal static List<Effect> Tell(this IMachine machine, in Message message, double seconds = 1)
    {
        var effects = new EffectList();
        machine.Handle(message with { Job = Plan.Key, To = machine.Address }, TimeSpan.FromSeconds(seconds), effects);
        return [.. effects.AsSpan()];
    }

    internal static Message? Sent(this IEnumerable<Effect> effects, MessageKind kind)
    {
        foreach (var effect in effects)
            if (effect.Kind == EffectKind.Send && effect.Message.Kind == kind) return effect.Message;
        return null;
    }

    internal static int Count(this IEnumerable<Effect> effects, EffectKind kind) => Enumerable.Count(effects, e => e.Kind == kind);

    internal static Verdict Verdict(this IEnumerable<Effect> effects) => effects.Sent(MessageKind.Answer)?.Verdict ?? DistTrain.Protocol.Verdict.None;

    internal static Message FromJob(MessageKind kind, long incarnation) => new() { Kind = kind, From = Address.Job, Incarnation = incarnation };

    internal static Message Open(StepKind kind, long step, long incarnation, Decision? last = null) =>
        FromJob(MessageKind.OpenStep, incarnation) with { Step = step, Open = new OpenStep { Kind = kind, Step = step, Update = step + 1, LearningRate = 0.5, Last = last ?? Decision.None, LastEvaluation = new EvaluationRecord(-1, default) } };

    internal static Decision Decided(long step) => new(new StepRecord { Step = step, Coefficient = 1, LearningRate = 0.5 });

    internal static Message Push(long step, TreeNode node, long incarnation, ulong digest, int worker = 9) =>
        new() { Kind = MessageKind.Push, From = Address.Worker(worker), Incarnation = incarnation, Step = step, Node = node, Digest = digest, Lease = 1, Payload = new object() };

    /// <summary>A shard machine that holds version 0 of its shard in an incarnation.</summary>
    internal static ShardMachine Shard(int seat, long incarnation, Placement placement)
    {
        var shard = new ShardMachine(Plan, seat);
        shard.Tell(FromJob(MessageKind.Adopt, incarnation) with { Placement = placement });
        var load = shard.Tell(FromJob(MessageKind.Restore, incarnation) with { Payload = new RestoreFrom(CheckpointName.Initial, null) }).Single(static e => e.Kind == EffectKind.Load);
        shard.Tell(load.Message with { Kind = MessageKind.Loaded, From = Address.Host });
        return shard;
    }
}
