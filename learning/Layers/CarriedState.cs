using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// The state that lanes of a step hand on, in one recurrent node.  carried [lanes, states, H]: the sample with data set index i is of lane i mod lanes and starts from that lane's row,
/// or from zero where i &lt; lanes: it begins an epoch. What it ends in is the row's new value. Nothing flows back into it.
/// </summary>
/// <remarks>Only in training: evaluations and predictions start every window at zero.</remarks>
internal sealed class CarriedState
{
    private readonly Parameter _carried;
    private readonly Saved[] _starts;
    private readonly int _lanes;
    private readonly int _states;
    private readonly int _hidden;

    /// <param name="save">Memory of so many elements a sample, kept for Backward.</param>
    private CarriedState(Parameter carried, Func<int, Saved> save)
    {
        (_carried, _lanes, _states, _hidden) = (carried, carried.Shape[0], carried.Shape[1], carried.Shape[2]);
        _starts = [.. Enumerable.Range(0, _states).Select(_ => save(_hidden))];
    }

    /// <summary>null where nothing is carried: no lanes, or no training.</summary>
    public static CarriedState? Of(Tape tape, Parameter? carried, Func<int, Saved> save) => carried is null || !tape.IsTraining ? null : new CarriedState(carried, save);

    /// <summary>[samples, H]: the states that the samples at hand start from, after <see cref="Read"/>.</summary>
    public View Start(Frame frame, int state) => frame.Memory(_starts[state]);

    /// <summary>Takes the lanes' states from the weights.</summary>
    public void Read(Frame frame)
    {
        var indexes = frame.SampleIndexes.AsInts();
        var rows = frame.Weights(_carried).AsSpan();
        for (var s = 0; s < _states; s++)
        {
            var starts = Start(frame, s).AsSpan();
            for (var n = 0; n < indexes.Length; n++)
            {
                var start = starts.Slice(n * _hidden, _hidden);
                if (indexes[n] < _lanes) start.Clear();
                else rows.Slice((indexes[n] % _lanes * _states + s) * _hidden, _hidden).CopyTo(start);
            }
        }
    }

    /// <summary>Puts what the samples ended in into the gradient vector, in their lanes' rows; all other rows are zero.</summary>
    /// <param name="sequences">One of [samples, T, H] a state: its last step is what the sample ended in.</param>
    public void Write(Frame frame, params ReadOnlySpan<View> sequences)
    {
        var indexes = frame.SampleIndexes.AsInts();
        var rows = frame.Gradient(_carried).AsSpan();
        rows.Clear();
        for (var s = 0; s < sequences.Length; s++)
        {
            var sequence = sequences[s].AsSpan();
            var length = sequence.Length / indexes.Length;
            for (var n = 0; n < indexes.Length; n++)
            {
                var from = sequence.Slice((n + 1) * length - _hidden, _hidden);
                var to = rows.Slice((indexes[n] % _lanes * _states + s) * _hidden, _hidden);
                // The tree adds zeros to a row, which makes +0 of -0: so it is +0 from the start, whatever the tree.
                for (var i = 0; i < to.Length; i++) to[i] = from[i] + 0f;
            }
        }
    }
}
