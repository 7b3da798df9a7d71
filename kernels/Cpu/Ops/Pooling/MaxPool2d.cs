namespace DistTrain.Kernels;

/// <summary>Windows over [N, C, H, W]; output size floor((H + 2·padding - kernel) / stride) + 1.</summary>
public readonly record struct Pool2dShape(int Channels, int Height, int Width, int KernelY, int KernelX, int StrideY, int StrideX, int PaddingY = 0, int PaddingX = 0)
{
    public int OutY => (Height + 2 * PaddingY - KernelY) / StrideY + 1;

    public int OutX => (Width + 2 * PaddingX - KernelX) / StrideX + 1;

    public int InputLength => Channels * Height * Width;

    public int OutputLength => Channels * OutY * OutX;
}

/// <summary>y = max over the window; a tie takes the lowest index; padding never wins; NaN wins.</summary>
public interface IMaxPool2d : IOp
{
    /// <summary>y and argmax (int: position inside the sample's H x W plane) are overwritten.</summary>
    void Forward(in Pool2dShape shape, int samples, View x, View y, View argmax);

    /// <summary>dx is overwritten: each dy added where its maximum was, windows in order.</summary>
    void Backward(in Pool2dShape shape, int samples, View dy, View argmax, View dx);
}
