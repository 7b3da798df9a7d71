using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>Copies of the weights, whole or of some stages, for worker processes to be sent: one of each stretch for all that take the same contents. Shards may commit while they leave.</summary>
/// <param name="weights">The job's flat vector, which shards change in place.</param>
internal sealed class WeightCopies(View weights, WeightVersions versions, VectorPool pool) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Offset, int Length), (long Stamp, HeldVector Copy)> _copies = [];

    /// <summary>The elements of a version, held once for the caller; null where the caller has these contents already.</summary>
    /// <param name="firstShard">Shards [<paramref name="firstShard"/>, <paramref name="endShard"/>) lie in the stretch.</param>
    /// <param name="stamp">The contents that the caller has; on return, those of the version.</param>
    /// <exception cref="WeightsGoneException">Others have committed the step.</exception>
    public HeldVector? Take(long version, int offset, int length, int firstShard, int endShard, ref long stamp)
    {
        if (!versions.TryRead(version, firstShard, endShard, out var current)) throw new WeightsGoneException(version);
        if (current == stamp) return null;
        lock (_gate)
        {
            if (!_copies.TryGetValue((offset, length), out var known) || known.Stamp != current)
            {
                known.Copy?.Release();
                _copies.Remove((offset, length));
                var copy = pool.Rent(length);
                weights.AsSpan().Slice(offset, length).CopyTo(copy.View.AsSpan());
                if (!versions.StillHolds(current))
                {
                    copy.Release();
                    throw new WeightsGoneException(version);
                }
                _copies[(offset, length)] = known = (current, copy);
            }
            known.Copy.Hold();
            stamp = current;
            return known.Copy;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (_, copy) in _copies.Values) copy.Release();
            _copies.Clear();
        }
    }
}
