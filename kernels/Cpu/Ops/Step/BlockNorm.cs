namespace DistTrain.Kernels;

/// <summary>Σ g² of one block in double: 16 lanes over the elements in order (each lane adds its square), lanes folded 8-4-2-1.</summary>
public interface IBlockNorm : IOp
{
    /// <summary>squares[i] = Σ g² over gradient elements [starts[i], starts[i] + lengths[i]).</summary>
    void SumOfSquares(View gradient, ReadOnlySpan<int> starts, ReadOnlySpan<int> lengths, Span<double> squares);
}
