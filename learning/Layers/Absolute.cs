namespace DistTrain.Learning;

/// <summary>y = |x|;  y' = the sign of x, 0 at 0.  Jarrett et al. 2009, doi:10.1109/ICCV.2009.5459469.</summary>
[Named("absolute")]
public sealed class Absolute() : Activation<Kernels.Functions.Absolute>(default, DerivativeReads.X);
