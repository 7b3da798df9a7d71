using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>keep = Philox uniform &gt;= probability;  y = keep ? x·scale : 0.  With scale 1 nothing is rounded, so that a mask on a sum is the sum of masked terms.</summary>
/// <remarks>The mask is that of <see cref="IDropout"/>: counter (index, element), key (seed, step, layer path hash, use index).</remarks>
public interface IMask : IOp
{
    /// <param name="indexes">int [rows]: what each row is counted by, a sample's data set index.</param>
    /// <param name="x">[rows, elements]; y likewise, overwritten; y may be x.</param>
    void Apply(ulong key, float probability, float scale, int elements, View indexes, View x, View y);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class MaskReference : IMask
{
    public MaskReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Apply(ulong key, float probability, float scale, int elements, View indexes, View x, View y)
    {
        DropoutCpu.ExpectArguments(probability, elements, indexes, x, y);
        for (var row = 0; row < indexes.Length; row++)
            for (var element = 0; element < elements; element++)
            {
                var at = row * elements + element;
                var keep = Philox.Uniform(Philox.Word(key, (uint)indexes.Ints()[row], element)) >= probability;
                y.Floats()[at] = keep ? x.Floats()[at] * scale : 0;
            }
    }
}

/// <summary>Sixteen random words at a time; threads share groups of 64 elements, so one long row is shared too.</summary>
internal sealed unsafe class MaskCpu(CpuDevice device) : IMask
{
    public void Apply(ulong key, float probability, float scale, int elements, View indexes, View x, View y)
    {
        DropoutCpu.ExpectArguments(probability, elements, indexes, x, y);
        var groups = (elements + Philox.Group - 1) / Philox.Group;
        var parts = Stretch.Parts(device, indexes.Length * groups, Philox.Group * 16L);
        var call = new Call { Key = key, Probability = probability, Scale = scale, Elements = elements, Groups = groups, Rows = indexes.Length, Parts = parts, Indexes = indexes.Ints(), X = x.Floats(), Y = y.Floats() };
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(call);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(call);
            device.Run(ref job, parts);
        }
    }

    private struct Call
    {
        public ulong Key;
        public float Probability, Scale;
        public int Elements, Groups, Rows, Parts;
        public int* Indexes;
        public float* X, Y;
    }

    private readonly struct Job<T>(Call call) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, call.Parts, call.Rows * call.Groups);
            for (var item = start; item < end; item++)
            {
                var (row, group) = (item / call.Groups, item % call.Groups);
                var (at, count) = ((long)row * call.Elements + (long)group * Philox.Group, call.Elements - group * Philox.Group);
                Philox.Words<T>(call.Key, (uint)call.Indexes[row], group, out var w0, out var w1, out var w2, out var w3);
                Sixteen(w0, call.X + at, call.Y + at, count);
                Sixteen(w1, call.X + at + 16, call.Y + at + 16, count - 16);
                Sixteen(w2, call.X + at + 32, call.Y + at + 32, count - 32);
                Sixteen(w3, call.X + at + 48, call.Y + at + 48, count - 48);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Sixteen(T words, float* x, float* y, int count)
        {
            if (count <= 0) return;
            var uniform = T.TopBits24(words) * T.Of(5.9604644775390625e-8f);
            if (count >= 16) T.Store(y, T.IfGreater(T.Of(call.Probability), uniform, T.Of(0f), T.Load(x) * T.Of(call.Scale)));
            else T.StorePart(y, count, T.IfGreater(T.Of(call.Probability), uniform, T.Of(0f), T.LoadPart(x, count) * T.Of(call.Scale)));
        }
    }
}
