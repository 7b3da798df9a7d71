using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>IVector on an accelerator: one thread for each element.</summary>
public sealed class VectorGpu(GpuDevice device) : IVector
{
    // Kernels live in fields: ILGPU's cache holds them weakly and would compile again.
    private readonly Action<AcceleratorStream, Index1D, ArrayView<float>, float> _fill =
        device.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, float>(FillKernel);
    private readonly Action<AcceleratorStream, Index1D, ArrayView<float>, ArrayView<float>> _copy =
        device.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>>(CopyKernel);
    private readonly Action<AcceleratorStream, Index1D, ArrayView<float>, ArrayView<float>> _add =
        device.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>>(AddKernel);
    private readonly Action<AcceleratorStream, Index1D, float, ArrayView<float>, ArrayView<float>> _addScaled =
        device.Accelerator.LoadAutoGroupedKernel<Index1D, float, ArrayView<float>, ArrayView<float>>(AddScaledKernel);

    public void Fill(View y, float value) => _fill(device.Accelerator.DefaultStream, y.Length, GpuBuffer.Of(y), value);

    public void Copy(View x, View y) => _copy(device.Accelerator.DefaultStream, Same(x, y), GpuBuffer.Of(x), GpuBuffer.Of(y));

    public void Add(View x, View y) => _add(device.Accelerator.DefaultStream, Same(x, y), GpuBuffer.Of(x), GpuBuffer.Of(y));

    public void AddScaled(float scale, View x, View y) => _addScaled(device.Accelerator.DefaultStream, Same(x, y), scale, GpuBuffer.Of(x), GpuBuffer.Of(y));

    private static int Same(View x, View y) => x.Length == y.Length
        ? x.Length
        : throw new ArgumentException($"vector: x has {x.Length} elements and y {y.Length}; they must be equal.");

    private static void FillKernel(Index1D i, ArrayView<float> y, float value) => y[i] = value;

    private static void CopyKernel(Index1D i, ArrayView<float> x, ArrayView<float> y) => y[i] = x[i];

    private static void AddKernel(Index1D i, ArrayView<float> x, ArrayView<float> y) => y[i] += x[i];

    private static void AddScaledKernel(Index1D i, float scale, ArrayView<float> x, ArrayView<float> y) => y[i] += scale * x[i];
}
