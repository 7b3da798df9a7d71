namespace DistTrain.Training;

/// <summary>How many Gradient frames may be on their way: the receiver grants a number at Open and returns one for each frame it has taken.</summary>
/// <remarks>The last credit is kept for the lowest node still missing from its sender, so a step can always finish whatever else is queued. One thread uses it.</remarks>
public sealed class CreditWindow
{
    private readonly int _granted;

    /// <param name="granted">At least 2.</param>
    public CreditWindow(int granted)
    {
        if (granted is < 2 or > 1 << 16) throw new LaneFormatException($"{granted} credits are granted. It must be 2 to {1 << 16}: one is kept for the lowest missing node.");
        (_granted, Available) = (granted, granted);
    }

    public int Granted => _granted;

    public int Available { get; private set; }

    public bool TryTake(bool lowestMissingNode)
    {
        if (Available < (lowestMissingNode ? 1 : 2)) return false;
        Available--;
        return true;
    }

    /// <exception cref="LaneFormatException">More credits come back than were granted.</exception>
    public void Return()
    {
        if (Available == _granted) throw new LaneFormatException($"a credit comes back though all {_granted} are here.");
        Available++;
    }
}
