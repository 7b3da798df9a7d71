namespace DistTrain.Contracts;

/// <summary>A published checkpoint.</summary>
/// <param name="Step">Steps committed in it.</param>
/// <param name="TestLoss">Of the newest evaluation in it; NaN before the first.</param>
/// <param name="Manifest">Path of its manifest, as the silos see it.</param>
public sealed record CheckpointReport(long Step, double TestLoss, double TestAccuracy, DateTimeOffset At, long Bytes, string Manifest);
