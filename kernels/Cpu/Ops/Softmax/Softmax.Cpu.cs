namespace DistTrain.Kernels;

/// <inheritdoc cref="ISoftmax"/>
internal sealed unsafe class SoftmaxCpu(CpuDevice device) : ISoftmax
{
    public void Forward(int rows, int width, bool logarithm, View x, View y)
    {
        SoftmaxReference.ExpectRows(rows, width, x, y);
        Run(rows, width, logarithm, x.Floats(), null, y.Floats());
    }

    public void Backward(int rows, int width, bool logarithm, View y, View dy, View dx)
    {
        SoftmaxReference.ExpectRows(rows, width, y, dy);
        OperandCheck.Shape("softmax", "dx", dx, rows, width);
        Run(rows, width, logarithm, y.Floats(), dy.Floats(), dx.Floats());
    }

    private void Run(int rows, int width, bool logarithm, float* from, float* dy, float* to)
    {
        var parts = Stretch.Parts(device, rows, 16L * width); // an exponential an element
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(rows, width, parts, logarithm, from, dy, to);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(rows, width, parts, logarithm, from, dy, to);
            device.Run(ref job, parts);
        }
    }

    private readonly struct Job<T>(int rows, int width, int parts, bool logarithm, float* from, float* dy, float* to) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, rows);
            for (var row = start; row < end; row++)
            {
                var at = (long)row * width;
                if (dy != null) SoftmaxRows<T>.Backward(from + at, dy + at, to + at, width, logarithm);
                else if (logarithm) SoftmaxRows<T>.Logarithm(from + at, to + at, width);
                else SoftmaxRows<T>.Forward(from + at, to + at, width);
            }
        }
    }
}
