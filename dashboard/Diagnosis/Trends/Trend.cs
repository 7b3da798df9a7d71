namespace DistTrain.Diagnosis;

/// <summary>Which way a loss goes.</summary>
public enum Direction
{
    Down,
    Flat,
    Up,
}

/// <summary>A line through a window of a series, and whether it leaves the horizontal.</summary>
/// <param name="Direction">Flat unless the change is larger than chance and larger than what matters.</param>
/// <param name="Change">Change of the line over the window, in units of the series.</param>
/// <param name="Noise">Standard deviation of the points around the line.</param>
/// <param name="Strength">How far beyond chance: 1 = at the threshold (three standard errors, of the slope or of Kendall's S, whichever shows more); infinite without noise.</param>
/// <param name="Detectable">The smallest change that this noise and this many points would have shown.</param>
/// <param name="Swing">Correlation of neighbouring residuals: near -1 = every second point high, every other low.</param>
/// <param name="Points">Points that the line was drawn through, after thinning.</param>
/// <param name="StandardError">Of the change.</param>
public readonly record struct Trend(Direction Direction, double Change, double Noise, double Strength, double Detectable, double Swing, int Points, double StandardError)
{
    /// <summary>How sure the direction is, in [0, 1]. 1/2 at the threshold.</summary>
    /// <param name="level">Size of the series, against which a change counts as large.</param>
    public double Confidence(double level)
    {
        if (Direction is not Direction.Flat) return 1 - 0.5 * Math.Exp(-1.5 * Math.Max(0, Strength - 1));
        // Flat is as sure as the fall that could have hidden in the noise is small.
        return level > 0 ? 1 / (1 + Detectable / level) : Detectable > 0 ? 0.5 : 1;
    }
}
