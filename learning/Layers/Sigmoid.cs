namespace DistTrain.Learning;

/// <summary>y = 1 / (1 + e⁻ˣ);  y' = y·(1 - y).</summary>
[Named("sigmoid")]
public sealed class Sigmoid() : Activation<Kernels.Functions.Sigmoid>(default, DerivativeReads.Y);
