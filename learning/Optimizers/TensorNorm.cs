using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>√Σ x² of one whole tensor, in double: squares by block of 4,080 elements from the tensor's start, then the fixed tree over its blocks.</summary>
internal static class TensorNorm
{
    private const int OnStack = 64;

    public static double Of(Device device, View tensor)
    {
        var blocks = (tensor.Length + ParameterLayout.BlockLength - 1) / ParameterLayout.BlockLength;
        Span<int> starts = blocks <= OnStack ? stackalloc int[OnStack] : new int[blocks];
        Span<int> lengths = blocks <= OnStack ? stackalloc int[OnStack] : new int[blocks];
        Span<double> squares = blocks <= OnStack ? stackalloc double[OnStack] : new double[blocks];
        starts = starts[..blocks];
        lengths = lengths[..blocks];
        squares = squares[..blocks];
        for (var i = 0; i < blocks; i++)
        {
            starts[i] = i * ParameterLayout.BlockLength;
            lengths[i] = Math.Min(ParameterLayout.BlockLength, tensor.Length - starts[i]);
        }
        device.Op<IBlockNorm>().SumOfSquares(tensor, starts, lengths, squares);
        return Clipping.GlobalNorm(squares);
    }
}
