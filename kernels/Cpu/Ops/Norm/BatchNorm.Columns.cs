using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

public sealed unsafe partial class BatchNormCpu
{
    /// <summary>One position a sample: sixteen channels side by side, each its own chain over the samples.</summary>
    private static class Columns<T> where T : unmanaged, IWideLane<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public static void Forward(in Call call, int segment, int channel)
        {
            var (start, end, channels) = (call.Segments!.Start(segment), call.Segments.End(segment), call.Channels);
            var lanes = Math.Min(16, channels - channel);
            var (count, zero) = ((float)(end - start), T.Of(0f));
            var first = call.X + (long)start * channels + channel;

            var sum = zero;
            var x = first;
            for (var n = start; n < end; n++, x += channels) sum = sum + (zero + T.LoadPart(x, lanes));
            var mean = sum / T.Of(count);
            var m2 = zero;
            x = first;
            for (var n = start; n < end; n++, x += channels)
            {
                var d = T.LoadPart(x, lanes) - mean;
                m2 = m2 + d * d;
            }
            var inverse = T.Of(1f) / T.Sqrt(m2 / T.Of(count) + T.Of(call.Epsilon));
            var at = segment * channels + channel;
            T.StorePart(call.Mean + at, lanes, mean);
            T.StorePart(call.InverseStd + at, lanes, inverse);
            var means = stackalloc float[32];
            var squares = means + 16;
            T.Store(means, mean);
            T.Store(squares, m2);
            for (var lane = 0; lane < lanes; lane++)
                (call.First[3 * (at + lane)], call.First[3 * (at + lane) + 1], call.First[3 * (at + lane) + 2]) = (count, means[lane], squares[lane]);
            Normalize(first, call.Y + (first - call.X), end - start, channels, lanes, mean, inverse * T.LoadPart(call.Gamma + channel, lanes), T.LoadPart(call.Beta + channel, lanes));
        }

        public static void Evaluate(in Call call, int channel)
        {
            var lanes = Math.Min(16, call.Channels - channel);
            Normalize(call.X + channel, call.Y + channel, call.Samples, call.Channels, lanes, T.LoadPart(call.Mean + channel, lanes),
                T.LoadPart(call.InverseStd + channel, lanes) * T.LoadPart(call.Gamma + channel, lanes), T.LoadPart(call.Beta + channel, lanes));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public static void Backward(in Call call, int segment, int channel)
        {
            var (start, end, channels) = (call.Segments!.Start(segment), call.Segments.End(segment), call.Channels);
            var lanes = Math.Min(16, channels - channel);
            var at = segment * channels + channel;
            var (mean, inverse, zero) = (T.LoadPart(call.Mean + at, lanes), T.LoadPart(call.InverseStd + at, lanes), T.Of(0f));
            var (s1, s2) = (zero, zero);
            for (var n = start; n < end; n++)
            {
                var row = (long)n * channels + channel;
                var dy = T.LoadPart(call.Beta + row, lanes);
                s1 = s1 + (zero + dy);
                s2 = s2 + T.Fma(dy, T.LoadPart(call.X + row, lanes) - mean, zero);
            }
            T.StorePart(call.First + at, lanes, s2 * inverse);
            T.StorePart(call.Second + at, lanes, s1);
            var count = T.Of((float)(end - start));
            var (shift, slope, scale) = (s1 / count, s2 * inverse * inverse / count, T.LoadPart(call.Gamma + channel, lanes) * inverse);
            for (var n = start; n < end; n++)
            {
                var row = (long)n * channels + channel;
                T.StorePart(call.Y + row, lanes, T.Fma(-(T.LoadPart(call.X + row, lanes) - mean), slope, T.LoadPart(call.Beta + row, lanes) - shift) * scale);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Normalize(float* x, float* y, int samples, int channels, int lanes, T mean, T scale, T beta)
        {
            for (var n = 0; n < samples; n++, x += channels, y += channels)
                T.StorePart(y, lanes, T.Fma(T.LoadPart(x, lanes) - mean, scale, beta));
        }
    }
}
