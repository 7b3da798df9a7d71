using ILGPU;

namespace DistTrain.Kernels;

/// <summary>ISoftmax on an accelerator: a team of sixteen threads for each row.</summary>
public sealed class SoftmaxGpu(GpuDevice device) : ISoftmax
{
    private readonly GpuKernel<Arguments> _forward = new(device, ForwardKernel);
    private readonly GpuKernel<Arguments> _backward = new(device, BackwardKernel);

    /// <summary>X (y backward), Y (dx backward), Dy [Rows, Width].</summary>
    public readonly record struct Arguments(ArrayView<float> X, ArrayView<float> Y, ArrayView<float> Dy, int Width, int Logarithm, int Rows);

    public void Forward(int rows, int width, bool logarithm, View x, View y)
    {
        SoftmaxReference.ExpectRows(rows, width, x, y);
        _forward.LaunchTeams(rows, new(GpuBuffer.Of(x), GpuBuffer.Of(y), default, width, logarithm ? 1 : 0, rows));
    }

    public void Backward(int rows, int width, bool logarithm, View y, View dy, View dx)
    {
        SoftmaxReference.ExpectRows(rows, width, y, dy);
        OperandCheck.Shape("softmax", "dx", dx, rows, width);
        _backward.LaunchTeams(rows, new(GpuBuffer.Of(y), GpuBuffer.Of(dx), GpuBuffer.Of(dy), width, logarithm ? 1 : 0, rows));
    }

    private static void ForwardKernel(Arguments a)
    {
        var shared = Team.Memory();
        var row = Team.Index;
        var inside = row < a.Rows;
        var from = inside ? (long)row * a.Width : 0;
        var width = inside ? a.Width : 0;
        var largest = float.NegativeInfinity;
        for (var i = Team.Lane; i < width; i += Team.Lanes)
        {
            var x = a.X[from + i];
            if (x > largest) largest = x;
        }
        var max = Team.Max(shared, largest);
        var exponentials = 0f;
        for (var i = Team.Lane; i < width; i += Team.Lanes) exponentials += Lane.Exp(Lane1.Of(a.X[from + i] - max)).Value;
        var sum = Team.Sum(shared, exponentials);
        if (!inside) return;
        var log = Lane.Log(Lane1.Of(sum)).Value;
        for (var i = Team.Lane; i < width; i += Team.Lanes)
        {
            var shifted = a.X[from + i] - max;
            a.Y[from + i] = a.Logarithm != 0 ? shifted - log : Lane.Exp(Lane1.Of(shifted)).Value / sum;
        }
    }

    private static void BackwardKernel(Arguments a)
    {
        var shared = Team.Memory();
        var row = Team.Index;
        var inside = row < a.Rows;
        var from = inside ? (long)row * a.Width : 0;
        var width = inside ? a.Width : 0;
        var along = 0f;
        for (var i = Team.Lane; i < width; i += Team.Lanes)
            along = a.Logarithm != 0 ? along + a.Dy[from + i] : MathF.FusedMultiplyAdd(a.Dy[from + i], a.X[from + i], along);
        var sum = Team.Sum(shared, along);
        if (!inside) return;
        for (var i = Team.Lane; i < width; i += Team.Lanes)
        {
            var y = a.X[from + i];
            a.Y[from + i] = a.Logarithm != 0 ? MathF.FusedMultiplyAdd(-Lane.Exp(Lane1.Of(y)).Value, sum, a.Dy[from + i]) : y * (a.Dy[from + i] - sum);
        }
    }
}
