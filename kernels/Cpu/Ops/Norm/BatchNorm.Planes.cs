using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

public sealed unsafe partial class BatchNormCpu
{
    /// <summary>Several positions: lanes over the positions of one sample and channel.</summary>
    private static class Planes<T> where T : unmanaged, IWideLane<T>
    {
        public static void Forward(in Call call, int segment, int channel)
        {
            var (start, end, stride) = (call.Segments!.Start(segment), call.Segments.End(segment), (long)call.Channels * call.Positions);
            var count = (float)((long)(end - start) * call.Positions);
            var first = call.X + start * stride + (long)channel * call.Positions;
            var mean = Sum(first, end - start, stride, call.Positions) / count;
            var m2 = Squares(first, end - start, stride, call.Positions, mean);
            var inverse = 1 / MathF.Sqrt(m2 / count + call.Epsilon);
            var at = segment * call.Channels + channel;
            (call.Mean[at], call.InverseStd[at]) = (mean, inverse);
            (call.First[3 * at], call.First[3 * at + 1], call.First[3 * at + 2]) = (count, mean, m2);
            Normalize(first, call.Y + (first - call.X), end - start, stride, call.Positions, mean, inverse * call.Gamma[channel], call.Beta[channel]);
        }

        public static void Evaluate(in Call call, int channel)
        {
            var (stride, first) = ((long)call.Channels * call.Positions, (long)channel * call.Positions);
            Normalize(call.X + first, call.Y + first, call.Samples, stride, call.Positions,
                call.Mean[channel], call.InverseStd[channel] * call.Gamma[channel], call.Beta[channel]);
        }

        public static void Backward(in Call call, int segment, int channel)
        {
            var (start, end, stride) = (call.Segments!.Start(segment), call.Segments.End(segment), (long)call.Channels * call.Positions);
            var first = start * stride + (long)channel * call.Positions;
            var at = segment * call.Channels + channel;
            var (mean, inverse) = (call.Mean[at], call.InverseStd[at]);
            var s1 = Sum(call.Beta + first, end - start, stride, call.Positions);
            var s2 = Products(call.X + first, call.Beta + first, end - start, stride, call.Positions, mean);
            (call.First[at], call.Second[at]) = (s2 * inverse, s1);
            var count = (float)((long)(end - start) * call.Positions);
            Gradient(call.X + first, call.Beta + first, call.Y + first, end - start, stride, call.Positions,
                mean, s1 / count, s2 * inverse * inverse / count, call.Gamma[channel] * inverse);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Sum(float* x, int samples, long stride, int positions)
        {
            var total = 0f;
            for (var n = 0; n < samples; n++, x += stride)
            {
                var lanes = T.Of(0f);
                var p = 0;
                for (; p + 16 <= positions; p += 16) lanes = lanes + T.Load(x + p);
                if (p < positions) lanes = lanes + T.LoadPart(x + p, positions - p);
                total += T.Sum(lanes);
            }
            return total;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Squares(float* x, int samples, long stride, int positions, float mean)
        {
            var (total, m, zero) = (0f, T.Of(mean), T.Of(0f));
            for (var n = 0; n < samples; n++, x += stride)
            {
                var lanes = zero;
                var p = 0;
                for (; p + 16 <= positions; p += 16)
                {
                    var d = T.Load(x + p) - m;
                    lanes = T.Fma(d, d, lanes);
                }
                if (p < positions)
                {
                    var d = T.SelectBelow(positions - p, T.LoadPart(x + p, positions - p) - m, zero);
                    lanes = T.Fma(d, d, lanes);
                }
                total += T.Sum(lanes);
            }
            return total;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Products(float* x, float* dy, int samples, long stride, int positions, float mean)
        {
            var (total, m, zero) = (0f, T.Of(mean), T.Of(0f));
            for (var n = 0; n < samples; n++, x += stride, dy += stride)
            {
                var lanes = zero;
                var p = 0;
                for (; p + 16 <= positions; p += 16) lanes = T.Fma(T.Load(dy + p), T.Load(x + p) - m, lanes);
                if (p < positions)
                {
                    var rest = positions - p;
                    lanes = T.SelectBelow(rest, T.Fma(T.LoadPart(dy + p, rest), T.LoadPart(x + p, rest) - m, lanes), lanes);
                }
                total += T.Sum(lanes);
            }
            return total;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Normalize(float* x, float* y, int samples, long stride, int positions, float mean, float scale, float beta)
        {
            var (m, s, b) = (T.Of(mean), T.Of(scale), T.Of(beta));
            for (var n = 0; n < samples; n++, x += stride, y += stride)
            {
                var p = 0;
                for (; p + 16 <= positions; p += 16) T.Store(y + p, T.Fma(T.Load(x + p) - m, s, b));
                if (p < positions) T.StorePart(y + p, positions - p, T.Fma(T.LoadPart(x + p, positions - p) - m, s, b));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Gradient(float* x, float* dy, float* dx, int samples, long stride, int positions, float mean, float shift, float slope, float scale)
        {
            var (m, a, b, s) = (T.Of(mean), T.Of(shift), T.Of(slope), T.Of(scale));
            for (var n = 0; n < samples; n++, x += stride, dy += stride, dx += stride)
            {
                var p = 0;
                for (; p + 16 <= positions; p += 16) T.Store(dx + p, T.Fma(-(T.Load(x + p) - m), b, T.Load(dy + p) - a) * s);
                if (p == positions) continue;
                var rest = positions - p;
                T.StorePart(dx + p, rest, T.Fma(-(T.LoadPart(x + p, rest) - m), b, T.LoadPart(dy + p, rest) - a) * s);
            }
        }
    }
}
