namespace DistTrain.Learning;

/// <summary>y = scale·(x where x &gt; 0, else alpha·(eˣ - 1)) with the constants that keep mean 0 and variance 1.  Klambauer et al. 2017, arXiv:1706.02515.</summary>
[Named("selu")]
public sealed class Selu() : Activation<Kernels.Functions.Selu>(default, DerivativeReads.X);
