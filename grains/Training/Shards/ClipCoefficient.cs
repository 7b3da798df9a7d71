namespace DistTrain.Training;

/// <summary>c = min(1, limit / (norm + 1e-6)), rounded once to float32: PyTorch's clip_grad_norm_.</summary>
public static class ClipCoefficient
{
    public static float Of(double norm, double limit) => norm + 1e-6 <= limit ? 1f : (float)(limit / (norm + 1e-6));
}
