namespace DistTrain.Learning;

/// <summary>What a sample's target is.</summary>
public enum TargetKind
{
    /// <summary>One class label for each position: int32.</summary>
    Labels,

    /// <summary>Real values: float32.</summary>
    Values,
}

/// <summary>Indexed samples in memory or on disk. Reading is a pure function of the index and may be called from several threads.</summary>
public abstract class Dataset
{
    public abstract int Count { get; }

    /// <summary>One sample's input, without the batch axis: [1, 28, 28].</summary>
    public abstract Shape InputShape { get; }

    /// <summary>Tokens of text: every input element is a whole number in [0, Vocabulary). 0: inputs are real values.</summary>
    public virtual int Vocabulary => 0;

    /// <summary>One sample's target: [] for a single label.</summary>
    public abstract Shape TargetShape { get; }

    public abstract TargetKind TargetKind { get; }

    /// <summary>Classes of Labels (every label is in [0, Classes), checked at load); 0 for Values.</summary>
    public abstract int Classes { get; }

    /// <summary>Samples of a step that each go on where the same one of the step before ended: sample i is of lane i mod Lanes, and an epoch takes them in order. 0: samples are drawn in a new order each epoch.</summary>
    public virtual int Lanes => 0;

    /// <summary>The set as steps of <paramref name="batchSize"/> samples read it: of that many lanes where its samples go on from each other.</summary>
    /// <exception cref="DatasetException">It is too short for so many lanes.</exception>
    public virtual Dataset ForBatches(int batchSize) => this;

    /// <summary>Size and SHA-256 of the source bytes, for the plan: a worker whose copy differs is refused.</summary>
    public abstract DatasetIdentity Identity { get; }

    /// <summary>Writes sample <paramref name="index"/>: input elements as float32, target as 4-byte elements (int32 labels or float32 bits).</summary>
    public abstract void Read(int index, Span<float> input, Span<int> target);

    /// <summary>The same as it is in an epoch, from 0: augmentations are drawn anew in each.</summary>
    public virtual void Read(int index, long epoch, Span<float> input, Span<int> target) => Read(index, input, target);

    /// <summary>Some samples side by side: inputs [n, input], targets [n, target].</summary>
    public virtual void ReadAll(ReadOnlySpan<int> indexes, long epoch, Span<float> inputs, Span<int> targets)
    {
        var (input, target) = (InputShape.Length, TargetShape.Length);
        for (var i = 0; i < indexes.Length; i++) Read(indexes[i], epoch, inputs.Slice(i * input, input), targets.Slice(i * target, target));
    }

    /// <summary>These samples are likely to be read soon: a set that reads ahead may begin.</summary>
    public virtual void Expect(ReadOnlySpan<int> indexes, long epoch)
    {
    }

    /// <summary>Reading takes work beyond a copy, so that it is worth doing ahead on another thread.</summary>
    public virtual bool IsCostly => false;
}

/// <summary>What a data set is made of: a line for the plan and for logs, its bytes and their SHA-256 (lower-case hex).</summary>
public sealed record DatasetIdentity(string Description, long Bytes, string Sha256);

/// <summary>A training set and the set that evaluations use.</summary>
public sealed record DataSplit(Dataset Train, Dataset Test);
