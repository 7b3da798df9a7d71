namespace DistTrain.Learning;

/// <summary>A momentum that starts small and grows: mu_t = start + (mu - start)·min(1, (t - 1) / steps).  Sutskever et al. 2013, proceedings.mlr.press/v28/sutskever13, in its linear form.</summary>
internal static class MomentumGrowth
{
    /// <param name="update">1 for the first.</param>
    /// <param name="start">null = no growth.</param>
    public static double At(long update, double? start, double mu, int steps) =>
        start is { } from ? from + (mu - from) * Math.Min(1.0, (update - 1.0) / steps) : mu;
}
