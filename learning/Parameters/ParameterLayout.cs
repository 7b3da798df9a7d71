using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What a slice of the flat vector holds, and so how two gradients of it combine and what a step does to it.</summary>
public enum SliceKind
{
    /// <summary>Trainable: gradients add, the optimizer steps.</summary>
    Parameter,

    /// <summary>Batch statistics, triples (count, mean, M2) per channel in the gradient vector, (updates, running mean, running variance) in the weights: merged pairwise, one moving-average update per step.</summary>
    Moments,

    /// <summary>What each sample of a step hands on to the one in its place in the next step (the state of a recurrent net): in the gradient vector the new state in the rows of the samples at hand, zeros elsewhere, so they add; a step that is applied puts them in the weights' place. Weights hold it so that it is committed, saved and sent as they are.</summary>
    Carried,

    /// <summary>In the gradient vector: the gradient that side losses give the parameter whose slice stands before this one, kept apart where the main loss's still takes a factor that the step's sums decide (<see cref="LossFactor"/>): they add. In the weights: zeros, never saved or hashed.</summary>
    Side,

    /// <summary>The step's own figures in the gradient vector: [0] loss, [1] correct predictions, [2] samples, [3] sum of weights where the loss has weights of its own, the rest 0: they add. In the weights: zeros, never saved or hashed.</summary>
    Metrics,
}

/// <summary>One tensor's place in the flat vector. Offset is a multiple of 16 elements; padding between slices is zero.</summary>
public sealed record Slice(string Name, Shape Shape, SliceKind Kind, int Offset, int Length)
{
    /// <summary>Of moments: what a step's statistics weigh in the running ones.</summary>
    public float Momentum { get; init; } = MomentsUpdate.Momentum;
}

/// <summary>At most 4,080 elements of one tensor: the unit of every sum and of sharding. (4,080 is the largest multiple of 48 = lcm(16 lanes, 3 of a triple) up to 4 Ki.)</summary>
public readonly record struct Block(int Slice, int Offset, int Length);

/// <summary>Consecutive blocks that one parameter shard owns; Offset and Length are elements of the flat vector, padding included.</summary>
public readonly record struct ShardRange(int FirstBlock, int BlockCount, int Offset, int Length);

/// <summary>The slice table: all parameters, buffers and step figures of a model as one flat float32 vector. Weights and gradients share it.</summary>
public sealed class ParameterLayout
{
    public const int BlockLength = 4080;
    public const int Alignment = 16;
    public const int MetricsLength = 16;
    public const string MetricsName = "step.metrics";

    /// <param name="tensors">Parameters and moments in registration order; the metrics slice is appended.</param>
    /// <param name="momentum">Of moments by name; null: PyTorch's default for all.</param>
    public ParameterLayout(IEnumerable<(string Name, Shape Shape, SliceKind Kind)> tensors, Func<string, float>? momentum = null)
    {
        var (slices, blocks, offset, names) = (new List<Slice>(), new List<Block>(), 0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var (name, shape, kind) in tensors.Append((MetricsName, new Shape(MetricsLength), SliceKind.Metrics)))
        {
            if (!names.Add(name)) throw new ArgumentException($"two parameters are named {name}; names must differ.", nameof(tensors));
            var length = shape.Length;
            for (var start = 0; start < length; start += BlockLength)
                blocks.Add(new Block(slices.Count, offset + start, Math.Min(BlockLength, length - start)));
            slices.Add(kind == SliceKind.Moments && momentum is not null ? new Slice(name, shape, kind, offset, length) { Momentum = momentum(name) } : new Slice(name, shape, kind, offset, length));
            offset = checked(offset + (length + Alignment - 1) / Alignment * Alignment);
        }
        (Slices, Blocks, Length) = (slices, blocks, offset);
        Sides = [.. slices.Select((s, i) => (s, i)).Where(s => s.s.Kind == SliceKind.Side).Select(s => (slices[s.i - 1], s.s))];
    }

    private ParameterLayout(ParameterLayout same) => (Slices, Blocks, Length, Sides) = (same.Slices, same.Blocks, same.Length, same.Sides);

    public IReadOnlyList<Slice> Slices { get; }

    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>Elements of the flat vector, padding included.</summary>
    public int Length { get; }

    /// <summary>Trainable elements.</summary>
    public long ParameterCount => Slices.Where(s => s.Kind == SliceKind.Parameter).Sum(s => (long)s.Length);

    public Slice Metrics => Slices[^1];

    /// <summary>Parameters with the slices of their side gradients; none where the two are one.</summary>
    public IReadOnlyList<(Slice Parameter, Slice Side)> Sides { get; }

    /// <summary>Shards are cut between tensors only, for rules that need a norm of each.</summary>
    public bool WholeTensors { get; private init; }

    /// <summary>There is one shard: a rule needs the whole vector.</summary>
    public bool WholeVector { get; private init; }

    /// <summary>Blocks, or tensors where they stay whole; 1 where the vector does.</summary>
    public int MostShards => WholeVector ? 1 : KeepsTensors ? Slices.Count - Sides.Count : Blocks.Count;

    /// <summary>Shards are cut between tensors only: a rule needs whole ones, or their side gradients stand behind them.</summary>
    public bool KeepsTensors => WholeTensors || Sides.Count > 0;

    /// <summary>Where the tensors lie that these rules train, in order.</summary>
    public IReadOnlyList<(int Start, int Length)> Trained(UpdateRules rules) => [.. Slices.Where(s => s.Kind == SliceKind.Parameter && rules.RateFactor(s.Name) > 0).Select(s => (s.Offset, s.Length))];

    /// <summary>The same layout for one shard.</summary>
    public ParameterLayout KeepingVectorWhole() => new(this) { WholeVector = true };

    /// <summary>The same layout, its shards cut between tensors only.</summary>
    public ParameterLayout KeepingTensorsWhole() => new(this) { WholeTensors = true };

    /// <summary>Contiguous block ranges, as equal in elements as whole blocks (or tensors) allow, none empty.</summary>
    /// <exception cref="ArgumentException">More shards than blocks or tensors.</exception>
    public IReadOnlyList<ShardRange> Split(int shards)
    {
        if (shards < 1 || shards > MostShards)
            throw new ArgumentException($"shards is {shards}. It must be between 1 and {MostShards}, the {(KeepsTensors ? "tensors" : "blocks")} of this model. Use fewer shards.", nameof(shards));
        var ranges = new List<ShardRange>(shards);
        Split(Cuts(0, Length), shards, ranges);
        return ranges;
    }

    /// <summary>The same, with shards that lie in one stage of a pipeline each.</summary>
    /// <param name="shards">At least one a stage; the others go where most elements a shard are.</param>
    /// <param name="stages">Where each stage's tensors begin, from 0 on: offsets of slices.</param>
    /// <param name="counts">Shards of each stage.</param>
    public IReadOnlyList<ShardRange> Split(int shards, IReadOnlyList<int> stages, out IReadOnlyList<int> counts)
    {
        if (shards < stages.Count || shards > MostShards)
            throw new ArgumentException($"shards is {shards}. It must be between {stages.Count}, one for each stage, and {MostShards}, the {(KeepsTensors ? "tensors" : "blocks")} of this model.", nameof(shards));
        var cuts = stages.Select((from, i) => Cuts(from, i + 1 < stages.Count ? stages[i + 1] : Length)).ToArray();
        var taken = Enumerable.Repeat(1, stages.Count).ToArray();
        for (var s = stages.Count; s < shards; s++)
        {
            var most = -1;
            for (var i = 0; i < taken.Length; i++)
                if (taken[i] < cuts[i].Length - 1 && (most < 0 || Elements(i) * taken[most] > Elements(most) * taken[i])) most = i;
            taken[most]++;
        }
        var ranges = new List<ShardRange>(shards);
        for (var i = 0; i < taken.Length; i++) Split(cuts[i], taken[i], ranges);
        counts = taken;
        return ranges;

        long Elements(int stage) => Start(cuts[stage][^1]) - Start(cuts[stage][0]);
    }

    // Block numbers of a stretch of the vector at which a shard may begin, and the end.
    private int[] Cuts(int from, int to)
    {
        var cuts = new List<int>();
        for (var b = 0; b < Blocks.Count; b++)
            if (Blocks[b].Offset >= from && Blocks[b].Offset < to && (!KeepsTensors || b == 0 || (Blocks[b].Slice != Blocks[b - 1].Slice && Slices[Blocks[b].Slice].Kind != SliceKind.Side))) cuts.Add(b);
        var end = 0;
        while (end < Blocks.Count && Blocks[end].Offset < to) end++;
        return [.. cuts, end];
    }

    private void Split(int[] cuts, int shards, List<ShardRange> ranges)
    {
        var (first, from) = (0, Start(cuts[0]));
        for (var s = 0; s < shards; s++)
        {
            var last = first + 1;
            var goal = from + (long)(Start(cuts[^1]) - from) * (s + 1) / shards;
            while (last < cuts.Length - 1 - (shards - s - 1) && (s == shards - 1 || Start(cuts[last + 1]) <= goal)) last++;
            ranges.Add(new ShardRange(cuts[first], cuts[last] - cuts[first], Start(cuts[first]), Start(cuts[last]) - Start(cuts[first])));
            first = last;
        }
    }

    private int Start(int block) => block < Blocks.Count ? Blocks[block].Offset : Length;
}
