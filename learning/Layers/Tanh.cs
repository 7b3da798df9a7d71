namespace DistTrain.Learning;

/// <summary>y = tanh x;  y' = 1 - y².</summary>
[Named("tanh")]
public sealed class Tanh() : Activation<Kernels.Functions.Tanh>(default, DerivativeReads.Y);
