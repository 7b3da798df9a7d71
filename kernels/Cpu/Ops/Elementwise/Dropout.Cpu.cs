using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IDropout"/>
public sealed unsafe class DropoutReference : IDropout
{
    public DropoutReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Apply(ulong key, float probability, int elementsPerSample, View sampleIndexes, View x, View y)
    {
        DropoutCpu.ExpectArguments(probability, elementsPerSample, sampleIndexes, x, y);
        for (var sample = 0; sample < sampleIndexes.Length; sample++)
            for (var element = 0; element < elementsPerSample; element++)
            {
                var at = sample * elementsPerSample + element;
                var keep = Philox.Uniform(Philox.Word(key, (uint)sampleIndexes.Ints()[sample], element)) >= probability;
                y.Floats()[at] = keep ? x.Floats()[at] / (1 - probability) : 0;
            }
    }
}

/// <inheritdoc cref="IDropout"/>
public sealed unsafe class DropoutCpu(CpuDevice device) : IDropout
{
    public void Apply(ulong key, float probability, int elementsPerSample, View sampleIndexes, View x, View y)
    {
        ExpectArguments(probability, elementsPerSample, sampleIndexes, x, y);
        if (device.InstructionSet == InstructionSet.Vector512) Apply<Lane512>(key, probability, elementsPerSample, sampleIndexes, x, y);
        else Apply<Lane256>(key, probability, elementsPerSample, sampleIndexes, x, y);
    }

    internal static void ExpectArguments(float probability, int elementsPerSample, View sampleIndexes, View x, View y)
    {
        if (!(probability >= 0 && probability < 1))
            throw new ArgumentOutOfRangeException(nameof(probability), $"dropout probability is {probability}; it must be in [0, 1).");
        OperandCheck.Positive("dropout", "elementsPerSample", elementsPerSample);
        OperandCheck.Shape("dropout", "x", x, sampleIndexes.Length, elementsPerSample);
        OperandCheck.Shape("dropout", "y", y, sampleIndexes.Length, elementsPerSample);
    }

    private void Apply<T>(ulong key, float probability, int elementsPerSample, View sampleIndexes, View x, View y) where T : unmanaged, IWideLane<T>
    {
        var samples = sampleIndexes.Length;
        var parts = Stretch.Parts(device, samples, elementsPerSample * 16L);   // ten rounds a word
        var job = new Job<T>(key, probability, elementsPerSample, sampleIndexes.Ints(), x.Floats(), y.Floats(), samples, parts);
        device.Run(ref job, parts);
    }

    private readonly struct Job<T>(ulong key, float probability, int elements, int* indexes, float* x, float* y, int samples, int parts) : IParallelJob
        where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, samples);
            for (var sample = start; sample < end; sample++)
                Sample(key, (uint)indexes[sample], probability, x + (long)sample * elements, y + (long)sample * elements, elements);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Sample(ulong key, uint index, float probability, float* x, float* y, int count)
        {
            var (threshold, kept) = (T.Of(probability), T.Of(1 - probability));
            for (var at = 0; at < count; at += Philox.Group)
            {
                Philox.Words<T>(key, index, at / Philox.Group, out var w0, out var w1, out var w2, out var w3);
                Sixteen(w0, threshold, kept, x + at, y + at, count - at);
                Sixteen(w1, threshold, kept, x + at + 16, y + at + 16, count - at - 16);
                Sixteen(w2, threshold, kept, x + at + 32, y + at + 32, count - at - 32);
                Sixteen(w3, threshold, kept, x + at + 48, y + at + 48, count - at - 48);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Sixteen(T words, T threshold, T kept, float* x, float* y, int count)
        {
            if (count <= 0) return;
            var uniform = T.TopBits24(words) * T.Of(5.9604644775390625e-8f);
            if (count >= 16) T.Store(y, T.IfGreater(threshold, uniform, T.Of(0f), T.Load(x) / kept));
            else T.StorePart(y, count, T.IfGreater(threshold, uniform, T.Of(0f), T.LoadPart(x, count) / kept));
        }
    }
}
