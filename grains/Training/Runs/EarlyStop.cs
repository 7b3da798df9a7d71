using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>Ends training once so many evaluations in a row were not better than the best.</summary>
/// <param name="Patience">0 = off.</param>
/// <param name="MinDelta">How much better counts as better.</param>
public sealed record EarlyStop(int Patience, double MinDelta = 0, Watched Watch = Watched.TestLoss)
{
    public static readonly EarlyStop Off = new(0);
}
