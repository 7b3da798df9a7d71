namespace DistTrain.Learning;

/// <summary>Where early stopping with a patience would have ended a run, from its evaluations.</summary>
/// <param name="Patience">Evaluations in a row without progress that end it.</param>
/// <param name="StoppedAt">Step of the evaluation that ends it; null: it would have gone on to the end.</param>
/// <param name="BestAt">Step of the best evaluation until then.</param>
/// <param name="Best">Its test loss: what early stopping keeps.</param>
/// <param name="Lost">How much better a later evaluation of the whole run is; 0 where none is.</param>
public sealed record StoppingPoint(int Patience, long? StoppedAt, long BestAt, double Best, double Lost);

/// <summary>The trade that early stopping makes: steps saved against a better test loss that would still have come. Prechelt 1998, doi:10.1007/3-540-49430-8_3.</summary>
public static class StoppingCurve
{
    /// <param name="evaluations">Step and test loss, in order; at least one.</param>
    /// <param name="minDelta">How much lower counts as better.</param>
    public static IReadOnlyList<StoppingPoint> Of(IReadOnlyList<(long Step, double Loss)> evaluations, IEnumerable<int> patiences, double minDelta = 0)
    {
        var overall = evaluations.Min(e => e.Loss);
        return [.. patiences.Select(patience =>
        {
            var (best, bestAt, bad) = (double.PositiveInfinity, evaluations[0].Step, 0);
            long? stopped = null;
            foreach (var (step, loss) in evaluations)
            {
                if (loss < best - minDelta) (best, bestAt, bad) = (loss, step, 0);
                else bad++;
                if (bad < patience) continue;
                stopped = step;
                break;
            }
            return new StoppingPoint(patience, stopped == evaluations[^1].Step ? null : stopped, bestAt, best, Math.Max(0, best - overall));
        })];
    }
}
