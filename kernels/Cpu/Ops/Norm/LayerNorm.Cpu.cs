using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>Threads share rows; for the weights, blocks of sixteen columns.</summary>
internal sealed unsafe class LayerNormCpu(CpuDevice device) : ILayerNorm
{
    public void Forward(int rows, int width, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd)
    {
        LayerNormReference.ExpectForward(rows, width, x, gamma, beta, y, mean, inverseStd);
        Run(new Call { Rows = rows, Width = width, Epsilon = epsilon, X = x.Floats(), Gamma = gamma.Floats(), Beta = beta.Floats(), Y = y.Floats(), Mean = mean.Floats(), InverseStd = inverseStd.Floats() });
    }

    public void BackwardInput(int rows, int width, View x, View gamma, View mean, View inverseStd, View dy, View dx)
    {
        LayerNormReference.ExpectBackwardInput(rows, width, x, gamma, mean, inverseStd, dy, dx);
        Run(new Call { Rows = rows, Width = width, X = x.Floats(), Gamma = gamma.Floats(), Dy = dy.Floats(), Y = dx.Floats(), Mean = mean.Floats(), InverseStd = inverseStd.Floats() });
    }

    public void BackwardWeights(Segments segments, int rowsPerSample, int width, View x, View mean, View inverseStd, View dy, View dGamma, View dBeta)
    {
        LayerNormReference.ExpectBackwardWeights(segments, rowsPerSample, width, x, mean, inverseStd, dy, dGamma, dBeta);
        var runs = TileRuns.Count(segments, rowsPerSample);
        var tables = (int*)device.SharedScratch(2L * runs);
        TileRuns.Fill(segments, rowsPerSample, tables, tables + runs);
        Run(new Call
        {
            Device = device, Rows = (width + 15) / 16, Width = width, X = x.Floats(), Dy = dy.Floats(), Mean = mean.Floats(), InverseStd = inverseStd.Floats(), Gamma = dGamma.Floats(), Beta = dBeta.Floats(),
            RunRows = tables, RunMerges = tables + runs, Runs = runs, StackDepth = TileRuns.StackDepth(segments), WorkEach = 32L * segments.Samples * rowsPerSample,
        });
    }

    private void Run(Call call)
    {
        var parts = Stretch.Parts(device, call.Rows, call.WorkEach > 0 ? call.WorkEach : 3L * call.Width);
        call.Parts = parts;
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

    /// <summary>Dy absent: forward. Runs present: the weights' gradients, rows being blocks of columns, gamma and beta their results.</summary>
    private struct Call
    {
        public CpuDevice Device;
        public int Rows, Width, Parts, Runs, StackDepth;
        public long WorkEach;
        public float Epsilon;
        public float* X, Gamma, Beta, Dy, Y, Mean, InverseStd;
        public int* RunRows, RunMerges;
    }

    private readonly struct Job<T>(Call call) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, call.Parts, call.Rows);
            if (call.Runs > 0)
            {
                var stack = call.Device.Scratch(thread, 32L * call.StackDepth);
                for (var block = start; block < end; block++) Columns(call, 16 * block, stack);
            }
            else
                for (var row = start; row < end; row++)
                {
                    var at = (long)row * call.Width;
                    if (call.Dy == null) Forward(call.X + at, call.Y + at, call.Gamma, call.Beta, call.Width, call.Epsilon, call.Mean + row, call.InverseStd + row);
                    else Backward(call.X + at, call.Dy + at, call.Y + at, call.Gamma, call.Width, call.Mean[row], call.InverseStd[row]);
                }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Forward(float* x, float* y, float* gamma, float* beta, int width, float epsilon, float* mean, float* inverseStd)
        {
            var (zero, rest, whole) = (T.Of(0f), width & 15, width & ~15);
            var sums = zero;
            for (var i = 0; i < whole; i += 16) sums = sums + T.Load(x + i);
            if (rest > 0) sums = sums + T.LoadPart(x + whole, rest);
            var m = T.Of(*mean = T.Sum(sums) / width);
            sums = zero;
            for (var i = 0; i < whole; i += 16)
            {
                var d = T.Load(x + i) - m;
                sums = T.Fma(d, d, sums);
            }
            if (rest > 0)
            {
                var d = T.SelectBelow(rest, T.LoadPart(x + whole, rest) - m, zero);
                sums = T.Fma(d, d, sums);
            }
            var inverse = T.Of(*inverseStd = 1 / MathF.Sqrt(T.Sum(sums) / width + epsilon));
            for (var i = 0; i < whole; i += 16)
            {
                var z = (T.Load(x + i) - m) * inverse;
                T.Store(y + i, gamma == null ? z : T.Fma(z, T.Load(gamma + i), T.Load(beta + i)));
            }
            if (rest == 0) return;
            var last = (T.LoadPart(x + whole, rest) - m) * inverse;
            T.StorePart(y + whole, rest, gamma == null ? last : T.Fma(last, T.LoadPart(gamma + whole, rest), T.LoadPart(beta + whole, rest)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Backward(float* x, float* dy, float* dx, float* gamma, int width, float mean, float inverseStd)
        {
            var (zero, rest, whole, m, inverse) = (T.Of(0f), width & 15, width & ~15, T.Of(mean), T.Of(inverseStd));
            var (sums, products) = (zero, zero);
            for (var i = 0; i < whole; i += 16)
            {
                var g = gamma == null ? T.Load(dy + i) : T.Load(dy + i) * T.Load(gamma + i);
                sums = sums + g;
                products = T.Fma(g, (T.Load(x + i) - m) * inverse, products);
            }
            if (rest > 0)
            {
                var g = gamma == null ? T.LoadPart(dy + whole, rest) : T.LoadPart(dy + whole, rest) * T.LoadPart(gamma + whole, rest);
                sums = T.SelectBelow(rest, sums + g, sums);
                products = T.SelectBelow(rest, T.Fma(g, (T.LoadPart(x + whole, rest) - m) * inverse, products), products);
            }
            var (shift, slope) = (T.Of(T.Sum(sums) / width), T.Of(T.Sum(products) / width));
            for (var i = 0; i < whole; i += 16)
            {
                var g = gamma == null ? T.Load(dy + i) : T.Load(dy + i) * T.Load(gamma + i);
                T.Store(dx + i, T.Fma(-((T.Load(x + i) - m) * inverse), slope, g - shift) * inverse);
            }
            if (rest == 0) return;
            var last = gamma == null ? T.LoadPart(dy + whole, rest) : T.LoadPart(dy + whole, rest) * T.LoadPart(gamma + whole, rest);
            T.StorePart(dx + whole, rest, T.Fma(-((T.LoadPart(x + whole, rest) - m) * inverse), slope, last - shift) * inverse);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Columns(in Call call, int column, float* stack)
        {
            var (lanes, width) = (Math.Min(16, call.Width - column), call.Width);
            var (x, dy, mean, inverse) = ((nint)(call.X + column), (nint)(call.Dy + column), (nint)call.Mean, (nint)call.InverseStd);
            var depth = 0;
            for (var run = 0; run < call.Runs; run++)
            {
                var (gammas, betas) = (T.Of(0f), T.Of(0f));
                for (var row = 0; row < call.RunRows[run]; row++, x += 4 * width, dy += 4 * width, mean += 4, inverse += 4)
                {
                    var gradient = lanes == 16 ? T.Load((float*)dy) : T.LoadPart((float*)dy, lanes);
                    var z = ((lanes == 16 ? T.Load((float*)x) : T.LoadPart((float*)x, lanes)) - T.Of(*(float*)mean)) * T.Of(*(float*)inverse);
                    gammas = T.Fma(gradient, z, gammas);
                    betas = betas + gradient;
                }
                for (var merges = call.RunMerges[run]; merges > 0; merges--)
                {
                    depth--;
                    gammas = T.Load(stack + 32 * depth) + gammas;
                    betas = T.Load(stack + 32 * depth + 16) + betas;
                }
                T.Store(stack + 32 * depth, gammas);
                T.Store(stack + 32 * depth + 16, betas);
                depth++;
            }
            T.StorePart(call.Gamma + column, lanes, T.Load(stack));
            T.StorePart(call.Beta + column, lanes, T.Load(stack + 16));
        }
    }
}
