using ILGPU;

namespace DistTrain.Kernels;

/// <summary>A convolution as kernels see it: sizes, and a table of the kernel's taps so that no thread divides by the kernel's size.</summary>
/// <param name="Taps">int [2, taps of one group]: tap k = (channel c of the group, ky, kx): its distance in an input plane stack, and ky·dilation · 65536 + kx·dilation.</param>
/// <param name="Outs">int [3, Outputs / Groups · KernelY · KernelX]: tap k = (output o of the group, ky, kx): o's distance in the output, its distance in w, and the offsets as above.</param>
public readonly record struct ConvolutionGeometry(
    ArrayView<int> Taps, ArrayView<int> Outs, int GroupChannels, int GroupOutputs, int Groups, int Height, int Width, int OutX, int Positions,
    int StrideY, int StrideX, int PaddingY, int PaddingX, int KernelArea)
{
    public int TapCount => GroupChannels * KernelArea;

    public int OutTapCount => GroupOutputs * KernelArea;

    public int Plane => Height * Width;

    /// <summary>An output position of a sample: start of the group's input planes, first input row and column, and their distance.</summary>
    public Cursor Position(int group, int position)
    {
        var sample = position / Positions;
        var inside = position - sample * Positions;
        var oy = inside / OutX;
        var (top, left) = (oy * StrideY - PaddingY, (inside - oy * OutX) * StrideX - PaddingX);
        return new((sample * Groups + group) * GroupChannels * Plane, top, left, top * Width + left);
    }

    /// <summary>A tap of the forward product.</summary>
    public Cursor Tap(int k)
    {
        var offsets = Taps[TapCount + k];
        return new(Taps[k], offsets >> 16, offsets & 0xFFFF);
    }

    /// <summary>The input under a tap at an output position; padding is 0.</summary>
    public float Input(ArrayView<float> x, Cursor position, Cursor tap)
    {
        var (row, column) = (position.B + tap.B, position.C + tap.C);
        return row >= 0 && row < Height && column >= 0 && column < Width ? x[position.A + position.D + tap.A] : 0f;
    }

    /// <summary>What the tables hold.</summary>
    public static int[] Tables(in Conv2dShape shape)
    {
        var (channels, outputs, area) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.KernelY * shape.KernelX);
        var (taps, outTaps) = (channels * area, outputs * area);
        var content = new int[2 * taps + 3 * outTaps];
        for (var k = 0; k < taps; k++)
        {
            var (c, y, x) = (k / area, k % area / shape.KernelX * shape.DilationY, k % shape.KernelX * shape.DilationX);
            (content[k], content[taps + k]) = ((c * shape.Height + y) * shape.Width + x, y << 16 | x);
        }
        for (var k = 0; k < outTaps; k++)
        {
            var (o, y, x) = (k / area, k % area / shape.KernelX * shape.DilationY, k % shape.KernelX * shape.DilationX);
            var at = 2 * taps + k;
            (content[at], content[at + outTaps], content[at + 2 * outTaps]) = (o * shape.OutY * shape.OutX, o * taps + k % area, y << 16 | x);
        }
        return content;
    }
}
