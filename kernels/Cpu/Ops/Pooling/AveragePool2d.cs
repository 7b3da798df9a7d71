namespace DistTrain.Kernels;

/// <summary>y = (sum over the window, row by row) / (KernelY · KernelX), padding counted as zeros (PyTorch's count_include_pad).</summary>
public interface IAveragePool2d : IOp
{
    void Forward(in Pool2dShape shape, int samples, View x, View y);

    /// <summary>dx is overwritten.</summary>
    void Backward(in Pool2dShape shape, int samples, View dy, View dx);
}
