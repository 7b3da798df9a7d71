using System.Collections.Immutable;
using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>One run's job, drawn from the seed: at least 50 steps, 3 workers, 2 shards and 10 faults.</summary>
internal sealed record Scenario
{
    internal required ulong Seed { get; init; }
    internal required JobPlan Plan { get; init; }
    internal required int Workers { get; init; }
    internal required int Faults { get; init; }

    /// <summary>Elements of one block; every shard has its blocks, the last one the step's figures too.</summary>
    internal const int BlockLength = 3;

    /// <summary>Step whose gradient is not finite, -1 for none.</summary>
    internal required long NonFiniteStep { get; init; }

    /// <summary>A worker's gradient changes between two sendings: the job must fail by name, or never notice because the step was over.</summary>
    internal bool Corrupts { get; init; }

    /// <summary>No faults at all but the loss of one seat at a time, far apart.</summary>
    internal bool OneLossAtATime { get; init; }

    internal int Elements => Plan.Blocks * BlockLength;

    internal static Scenario Draw(ulong seed)
    {
        var random = new SeededRandom(SeededRandom.Mix(seed, 1));
        var shards = random.Next(2, 4);
        var batch = random.Next(6, 21);
        var steps = random.Next(8, 14);
        var samples = batch * (steps - 1) + random.Next(1, batch + 1);
        var policy = random.Pick([NonFinitePolicy.Skip, NonFinitePolicy.Skip, NonFinitePolicy.Rollback]);
        var plan = new JobPlan
        {
            Name = $"simulated-{seed}",
            Key = SeededRandom.Mix(seed, 2),
            Seed = seed,
            Samples = samples,
            BatchSize = batch,
            MicroBatches = random.Pick([1, 3, 4, 5, 8, 8, 8, 12, 16]),
            Epochs = (50 + steps - 1) / steps,
            EvaluationSamples = random.Chance(0.8) ? random.Next(5, 40) : 0,
            EvaluationMicroBatches = random.Pick([1, 4, 6, 8]),
            EvaluateEvery = random.Chance(0.5) ? random.Next(4, 15) : 0,
            Shards = DrawShards(random, shards),
            Replicated = random.Chance(0.5),
            ClipNorm = random.Chance(0.7) ? random.Between(0.5, 5) : 0,
            OnNonFinite = policy,
            CheckpointEvery = random.Chance(0.9) ? random.Next(4, 16) : 0,
            MinimumWorkers = random.Next(1, 3),
            FailuresBeforeHalt = 1000,
            Limits = new TimeLimits
            {
                Resend = TimeSpan.FromMilliseconds(40),
                Heartbeat = TimeSpan.FromMilliseconds(50),
                Silence = TimeSpan.FromMilliseconds(250),
                Lease = TimeSpan.FromMilliseconds(400),
                DuplicateFloor = TimeSpan.FromMilliseconds(15),
                SaveAgain = TimeSpan.FromMilliseconds(40),
                Checkpoint = TimeSpan.FromSeconds(3),
                Workers = TimeSpan.FromSeconds(5),
                Seats = TimeSpan.FromSeconds(60),
            },
        };
        return new Scenario
        {
            Seed = seed,
            Plan = plan,
            Workers = random.Next(3, 6),
            Faults = random.Next(10, 19),
            Corrupts = seed % 16 == 15,
            NonFiniteStep = random.Chance(0.4) ? random.Next(5, 45) : -1,
        };
    }

    /// <summary>The same job as a pipeline of two to four stages over two to five shards, with anything from one worker to several crews.</summary>
    internal Scenario Piped()
    {
        var random = new SeededRandom(SeededRandom.Mix(Seed, 4));
        var shards = DrawShards(random, random.Next(2, 6));
        var count = random.Next(2, Math.Min(4, shards.Length) + 1);
        var stages = ImmutableArray.CreateBuilder<StagePlan>();
        for (var (stage, first) = (0, 0); stage < count; stage++)
        {
            var end = stage == count - 1 ? shards.Length : random.Next(first + 1, shards.Length - (count - stage - 1) + 1);
            stages.Add(new StagePlan(first, end - first));
            first = end;
        }
        // Some with large micro-batch counts, so that a unit is more than one.
        var microBatches = random.Pick([1, 4, 8, 8, 13, 16, 32, 48]);
        return this with
        {
            Plan = Plan with { Shards = shards, Stages = stages.ToImmutable(), MicroBatches = microBatches, Samples = Plan.Samples * 2, BatchSize = Plan.BatchSize * 2,
                // A lease is a whole crew's, and a slow member may be the only one of its stage.
                Limits = Plan.Limits with { Lease = TimeSpan.FromSeconds(2) } },
            Workers = Math.Max(Plan.MinimumWorkers, random.Next(1, 3 * count + 1)),
        };
    }

    private static ImmutableArray<ShardPlan> DrawShards(SeededRandom random, int count)
    {
        var shards = ImmutableArray.CreateBuilder<ShardPlan>();
        var first = 0;
        for (var s = 0; s < count; s++)
        {
            var blocks = random.Next(1, 4);
            shards.Add(new ShardPlan(first, blocks));
            first += blocks;
        }
        return shards.ToImmutable();
    }
}

/// <summary>Learning rate with decay, and scalars that depend on the update's number as Adam's do.</summary>
internal sealed class SimulatedRule : IStepRule
{
    public double LearningRate(long step) => 0.05 / (1 + 0.01 * step);

    public float Coefficient(double norm, double clip, double factor) => DistTrain.Learning.Clipping.Coefficient(norm, clip, factor);

    public int Scalars(long update, double learningRate, Span<float> scalars)
    {
        scalars[0] = (float)learningRate;
        scalars[1] = 0.9f;
        scalars[2] = (float)(1.0 / (1.0 + 1.0 / update));
        return 3;
    }
}
