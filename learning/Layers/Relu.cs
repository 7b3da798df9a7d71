namespace DistTrain.Learning;

/// <summary>y = max(x, 0);  y' = 1 where y &gt; 0, else 0. NaN stays NaN.  Nair, Hinton 2010.</summary>
[Named("relu")]
public sealed class Relu() : Activation<Kernels.Functions.Relu>(default, DerivativeReads.Y);
