using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Threads share planes; for the weights, channels. Lanes run over positions.</summary>
internal sealed unsafe class ChannelScaleCpu(CpuDevice device) : IChannelScale
{
    public void Forward(int samples, int channels, int positions, View x, View scale, View shift, View y)
    {
        ChannelScaleReference.ExpectForward(samples, channels, positions, x, scale, shift, y);
        Run(new Call { Count = samples * channels, Channels = channels, Positions = positions, X = x.Floats(), Scale = scale.Floats(), Shift = shift.Floats(), Y = y.Floats() });
    }

    public void BackwardWeights(Segments segments, int channels, int positions, View x, View dy, View dScale, View dShift)
    {
        ChannelScaleReference.ExpectBackward(segments, channels, positions, x, dy, dScale, dShift);
        var sums = device.SharedScratch(2L * segments.Count * channels);
        var shifts = sums + segments.Count * channels;
        Run(new Call { Segments = segments, Count = channels, Channels = channels, Positions = positions, X = dScale.IsNone ? dy.Floats() : x.Floats(), Y = dy.Floats(), Scale = sums, Shift = shifts });
        ChannelScaleReference.Fold(segments, channels, sums, dScale);
        ChannelScaleReference.Fold(segments, channels, shifts, dShift);
    }

    private void Run(Call call)
    {
        var parts = call.Parts = Stretch.Parts(device, call.Count, 2L * call.Positions * (call.Segments?.Samples ?? 1));
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

    /// <summary>Segments present: y is dy, scale and shift each segment's sums.</summary>
    private struct Call
    {
        public Segments? Segments;
        public int Count, Channels, Positions, Parts;
        public float* X, Scale, Shift, Y;
    }

    private readonly struct Job<T>(Call call) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, call.Parts, call.Count);
            for (var item = start; item < end; item++)
            {
                if (call.Segments is { } segments)
                    for (var segment = 0; segment < segments.Count; segment++)
                    {
                        var at = segment * call.Channels + item;
                        var first = ((long)segments.Start(segment) * call.Channels + item) * call.Positions;
                        Sums(call.X + first, call.Y + first, segments.End(segment) - segments.Start(segment), (long)call.Channels * call.Positions, call.Positions, call.Scale + at, call.Shift + at);
                    }
                else
                {
                    var (at, c) = ((long)item * call.Positions, item % call.Channels);
                    Plane(call.X + at, call.Y + at, call.Positions, call.Scale == null ? null : call.Scale + c, call.Shift == null ? null : call.Shift + c);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Plane(float* x, float* y, int positions, float* scale, float* shift)
        {
            var (s, b) = (T.Of(scale == null ? 1f : *scale), T.Of(shift == null ? 0f : *shift));
            for (var p = 0; p < positions; p += 16)
            {
                var count = Math.Min(16, positions - p);
                var v = count == 16 ? T.Load(x + p) : T.LoadPart(x + p, count);
                v = scale == null ? v + b : shift == null ? v * s : T.Fma(v, s, b);
                if (count == 16) T.Store(y + p, v);
                else T.StorePart(y + p, count, v);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Sums(float* x, float* dy, int samples, long stride, int positions, float* scale, float* shift)
        {
            var (toScale, toShift) = (0f, 0f);
            for (var n = 0; n < samples; n++, x += stride, dy += stride)
            {
                var (products, lanes, p) = (T.Of(0f), T.Of(0f), 0);
                for (; p + 16 <= positions; p += 16)
                {
                    products = T.Fma(T.Load(dy + p), T.Load(x + p), products);
                    lanes = lanes + T.Load(dy + p);
                }
                if (p < positions)
                {
                    var rest = positions - p;
                    products = T.SelectBelow(rest, T.Fma(T.LoadPart(dy + p, rest), T.LoadPart(x + p, rest), products), products);
                    lanes = T.SelectBelow(rest, lanes + T.LoadPart(dy + p, rest), lanes);
                }
                toScale += T.Sum(products);
                toShift += T.Sum(lanes);
            }
            (*scale, *shift) = (toScale, toShift);
        }
    }
}
