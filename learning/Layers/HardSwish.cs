namespace DistTrain.Learning;

/// <summary>y = x·min(max(x + 3, 0), 6) / 6.  Howard et al. 2019, arXiv:1905.02244.</summary>
[Named("hardSwish")]
public sealed class HardSwish() : Activation<Kernels.Functions.HardSwish>(default, DerivativeReads.X);
