using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What a slice of the flat vector holds, and so how two gradients of it combine and what a step does to it.</summary>
public enum SliceKind
{
    /// <summary>Trainable: gradients add, the optimizer steps.</summary>
    Parameter,

    /// <summary>Batch statistics, triples (count, mean, M2) per channel in the gradient vector, (updates, running mean, running variance) in the weights: merged pairwise, one moving-average update per step.</summary>
    Moments,

    /// <summary>The step's own figures in the gradient vector: [0] loss, [1] correct predictions, [2] samples, [3] sum of weights where the loss has weights of its own, the rest 0: they add. In the weights: zeros, never saved or hashed.</summary>
    Metrics,
}

/// <summary>One tensor's place in the flat vector. Offset is a multiple of 16 elements; padding between slices is zero.</summary>
public sealed record Slice(string Name, Shape Shape, SliceKind Kind, int Offset, int Length);

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
    public ParameterLayout(IEnumerable<(string Name, Shape Shape, SliceKind Kind)> tensors)
    {
        var (slices, blocks, offset, names) = (new List<Slice>(), new List<Block>(), 0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var (name, shape, kind) in tensors.Append((MetricsName, new Shape(MetricsLength), SliceKind.Metrics)))
        {
            if (!names.Add(name)) throw new ArgumentException($"two parameters are named {name}; names must differ.", nameof(tensors));
            var length = shape.Length;
            for (var start = 0; start < length; start += BlockLength)
                blocks.Add(new Block(slices.Count, offset + start, Math.Min(BlockLength, length - start)));
            slices.Add(new Slice(name, shape, kind, offset, length));
            offset = checked(offset + (length + Alignment - 1) / Alignment * Alignment);
        }
        (Slices, Blocks, Length) = (slices, blocks, offset);
    }

    public IReadOnlyList<Slice> Slices { get; }

    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>Elements of the flat vector, padding included.</summary>
    public int Length { get; }

    /// <summary>Trainable elements.</summary>
    public long ParameterCount => Slices.Where(s => s.Kind == SliceKind.Parameter).Sum(s => (long)s.Length);

    public Slice Metrics => Slices[^1];

    /// <summary>Shards are cut between tensors only, for rules that need a norm of each.</summary>
    public bool WholeTensors { get; private init; }

    /// <summary>Blocks, or tensors where they stay whole.</summary>
    public int MostShards => WholeTensors ? Slices.Count : Blocks.Count;

    /// <summary>The same layout, its shards cut between tensors only.</summary>
    public ParameterLayout KeepingTensorsWhole() => new(Slices.SkipLast(1).Select(s => (s.Name, s.Shape, s.Kind))) { WholeTensors = true };

    /// <summary>Contiguous block ranges, as equal in elements as whole blocks (or tensors) allow, none empty.</summary>
    /// <exception cref="ArgumentException">More shards than blocks or tensors.</exception>
    public IReadOnlyList<ShardRange> Split(int shards)
    {
        if (shards < 1 || shards > MostShards)
            throw new ArgumentException($"shards is {shards}. It must be between 1 and {MostShards}, the {(WholeTensors ? "tensors" : "blocks")} of this model. Use fewer shards.", nameof(shards));
        // Block numbers at which a shard may begin, and the end.
        int[] cuts = [.. Enumerable.Range(0, Blocks.Count).Where(b => !WholeTensors || b == 0 || Blocks[b].Slice != Blocks[b - 1].Slice), Blocks.Count];
        var ranges = new List<ShardRange>(shards);
        var first = 0;
        for (var s = 0; s < shards; s++)
        {
            var last = first + 1;
            var goal = (long)Length * (s + 1) / shards;
            while (last < MostShards - (shards - s - 1) && (s == shards - 1 || Start(last + 1) <= goal)) last++;
            ranges.Add(new ShardRange(cuts[first], cuts[last] - cuts[first], Start(first), Start(last) - Start(first)));
            first = last;
        }
        return ranges;

        int Start(int cut) => cuts[cut] < Blocks.Count ? Blocks[cuts[cut]].Offset : Length;
    }
}
