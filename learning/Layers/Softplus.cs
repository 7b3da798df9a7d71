namespace DistTrain.Learning;

/// <summary>y = ln(1 + eˣ);  y' = sigmoid x.</summary>
[Named("softplus")]
public sealed class Softplus() : Activation<Kernels.Functions.Softplus>(default, DerivativeReads.X);
