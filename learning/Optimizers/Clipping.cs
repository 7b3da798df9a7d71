namespace DistTrain.Learning;

/// <summary>Clipping by global norm, as PyTorch's clip_grad_norm_: g &lt;- g·min(1, limit / (‖g‖ + 1e-6)).  Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.</summary>
public static class Clipping
{
    /// <summary>‖g‖ from the sums of squares of all blocks: a fixed binary tree over them (split at the largest power of two below the count), then one root.</summary>
    /// <param name="blockSquares">Σ g² of every block of the layout, in order; 0 for blocks that are not trainable.</param>
    public static double GlobalNorm(ReadOnlySpan<double> blockSquares) => blockSquares.IsEmpty ? 0 : Math.Sqrt(Tree(blockSquares));

    /// <summary>min(1, limit / (norm + 1e-6)), rounded once; 1 where nothing is clipped, so that the gradient keeps its bits.</summary>
    /// <param name="limit">0 = no clipping.</param>
    /// <param name="factor">What the gradient is multiplied by besides (a loss that divides by weights); the norm has it in it.</param>
    public static float Coefficient(double norm, double limit, double factor = 1.0) => limit <= 0 || norm + 1e-6 <= limit ? (float)factor : (float)(limit / (norm + 1e-6) * factor);

    private static double Tree(ReadOnlySpan<double> squares)
    {
        if (squares.Length == 1) return squares[0];
        var split = Kernels.Segments.Split(squares.Length);
        return Tree(squares[..split]) + Tree(squares[split..]);
    }
}
