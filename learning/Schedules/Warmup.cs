namespace DistTrain.Learning;

/// <summary>The first steps at a rate that grows linearly: (step + 1) / warmupSteps of the base rate.  Goyal et al. 2017, arXiv:1706.02677.</summary>
internal static class Warmup
{
    public static bool Covers(long step, long warmupSteps) => step < warmupSteps;

    public static double Rate(double baseRate, long step, long warmupSteps) => baseRate * ((step + 1.0) / warmupSteps);
}
