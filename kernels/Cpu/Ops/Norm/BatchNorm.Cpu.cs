using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="IBatchNorm"/>
/// <remarks>Threads split channels. With several positions lanes run over positions; with one (dense layers) over channels, whose sums are independent chains.</remarks>
public sealed unsafe partial class BatchNormCpu(CpuDevice device) : IBatchNorm
{
    public void Forward(Segments segments, int channels, int positions, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd, View moments)
    {
        BatchNormReference.ExpectForward(segments, channels, positions, x, gamma, beta, y, mean, inverseStd, moments);
        var triples = device.SharedScratch(3L * segments.Count * channels);
        var call = new Call(Pass.Forward, segments, segments.Samples, channels, positions, epsilon, x.Floats(), gamma.Floats(), beta.Floats(), y.Floats(),
            mean.Floats(), inverseStd.Floats(), triples, null);
        Run(call);
        BatchNormReference.FoldMoments(segments, channels, triples, moments.Floats());
    }

    public void ForwardEvaluation(int samples, int channels, int positions, float epsilon, View x, View gamma, View beta, View running, View y)
    {
        BatchNormReference.ExpectEvaluation(samples, channels, positions, x, gamma, beta, running, y);
        // The mean and factor of each channel, laid out for the wide loops.
        var mean = device.SharedScratch(2L * channels);
        var inverseStd = mean + channels;
        for (var c = 0; c < channels; c++)
            (mean[c], inverseStd[c]) = (running.Floats()[3 * c + 1], 1 / MathF.Sqrt(running.Floats()[3 * c + 2] + epsilon));
        Run(new Call(Pass.Evaluation, null, samples, channels, positions, epsilon, x.Floats(), gamma.Floats(), beta.Floats(), y.Floats(), mean, inverseStd, null, null));
    }

    public void Backward(Segments segments, int channels, int positions, View x, View gamma, View mean, View inverseStd, View dy, View dx, View dGamma, View dBeta)
    {
        BatchNormReference.ExpectBackward(segments, channels, positions, x, gamma, mean, inverseStd, dy, dx, dGamma, dBeta);
        var gammas = device.SharedScratch(2L * segments.Count * channels);
        var betas = gammas + segments.Count * channels;
        Run(new Call(Pass.Backward, segments, segments.Samples, channels, positions, 0, x.Floats(), gamma.Floats(), dy.Floats(), dx.Floats(),
            mean.Floats(), inverseStd.Floats(), gammas, betas));
        new Span<float>(SegmentFold.Columns(segments, gammas, channels, 0, channels), channels).CopyTo(dGamma.AsSpan());
        new Span<float>(SegmentFold.Columns(segments, betas, channels, 0, channels), channels).CopyTo(dBeta.AsSpan());
    }

    private void Run(in Call call)
    {
        var groups = call.Positions == 1 ? (call.Channels + 15) / 16 : call.Channels;
        var parts = Math.Min(groups, Stretch.Parts(device, 3L * call.Samples * call.Channels * call.Positions));
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(call, groups, parts);
            device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(call, groups, parts);
            device.Run(ref job, parts);
        }
    }

    private enum Pass { Forward, Evaluation, Backward }

    /// <summary>One call's arguments. Backward: beta is dy, y is dx, first and second are each segment's dGamma and dBeta; forward: first is the triples.</summary>
    private readonly struct Call(
        Pass pass, Segments? segments, int samples, int channels, int positions, float epsilon, float* x, float* gamma, float* beta, float* y,
        float* mean, float* inverseStd, float* first, float* second)
    {
        public readonly Pass Pass = pass;
        public readonly Segments? Segments = segments;
        public readonly int Samples = samples, Channels = channels, Positions = positions;
        public readonly float Epsilon = epsilon;
        public readonly float* X = x, Gamma = gamma, Beta = beta, Y = y, Mean = mean, InverseStd = inverseStd, First = first, Second = second;
    }

    private readonly struct Job<T>(Call call, int groups, int parts) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, groups);
            for (var group = start; group < end; group++)
                if (call.Pass == Pass.Evaluation) Segment(call, -1, group);
                else
                    for (var segment = 0; segment < call.Segments!.Count; segment++) Segment(call, segment, group);
        }

        private static void Segment(in Call call, int segment, int group)
        {
            var columns = call.Positions == 1;
            switch (call.Pass)
            {
                case Pass.Forward when columns: Columns<T>.Forward(call, segment, 16 * group); break;
                case Pass.Forward: Planes<T>.Forward(call, segment, group); break;
                case Pass.Evaluation when columns: Columns<T>.Evaluate(call, 16 * group); break;
                case Pass.Evaluation: Planes<T>.Evaluate(call, group); break;
                case Pass.Backward when columns: Columns<T>.Backward(call, segment, 16 * group); break;
                default: Planes<T>.Backward(call, segment, group); break;
            }
        }
    }
}
