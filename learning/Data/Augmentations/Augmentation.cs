using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// A change that each training image goes through, drawn anew each epoch. Its draws come from a stream keyed by (seed, epoch, its place in the list, sample): the same bits for any worker, in any
/// order. One file an augmentation, found by [Named]. Images are [C, H, W] in [0, 1], before they are standardized.
/// </summary>
public abstract class Augmentation
{
    /// <summary>The size it makes of a size.</summary>
    /// <exception cref="ShapeException">It cannot take such images.</exception>
    public virtual Shape Result(Shape image) => image;

    /// <summary>Looks at the training set once, before anything is read, where it needs its statistics.</summary>
    public virtual void Fit(Dataset train)
    {
    }

    /// <summary>Changes a training sample.</summary>
    public abstract void Apply(AugmentedSample sample, ref RandomStream random);

    /// <summary>What it does to a test sample instead: nothing but what its size asks for, without a draw.</summary>
    public virtual void ApplyToTest(AugmentedSample sample)
    {
    }
}
