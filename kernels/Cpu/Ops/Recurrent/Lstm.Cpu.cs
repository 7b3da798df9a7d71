using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <inheritdoc cref="ILstm"/>
/// <remarks>Lanes run over hidden units, threads over samples.</remarks>
public sealed unsafe class LstmCpu(CpuDevice device) : LstmSequence(device)
{
    private readonly CpuDevice _device = device;

    private protected override void ForwardStep(in StepCall call) => Run(call, backward: false);

    private protected override void BackwardStep(in StepCall call) => Run(call, backward: true);

    private void Run(in StepCall call, bool backward)
    {
        var parts = Stretch.Parts(_device, call.Samples, call.Hidden * 64L);   // five exponentials a unit
        if (_device.InstructionSet == InstructionSet.Vector512)
        {
            var job = new Job<Lane512>(call, parts, backward);
            _device.Run(ref job, parts);
        }
        else
        {
            var job = new Job<Lane256>(call, parts, backward);
            _device.Run(ref job, parts);
        }
    }

    private readonly struct Job<T>(StepCall call, int parts, bool backward) : IParallelJob where T : unmanaged, IWideLane<T>
    {
        public void Run(int part, int thread)
        {
            var (start, end) = Stretch.Items(part, parts, call.Samples);
            for (var n = start; n < end; n++)
            {
                var state = call.State + (long)n * call.Hidden;
                var before = call.Before == null ? null : call.Before + n * call.BeforeStride;
                var (gates, cells, outputs) = ((nint)(call.Gates + n * call.GateStride), (nint)(call.Cells + n * call.Stride), (nint)(call.Outputs + n * call.Stride));
                var projected = call.Projected + (long)n * 4 * call.Hidden;
                if (backward) Backward(call.Hidden, (float*)gates, projected, before, (float*)cells, (float*)outputs, state, call.CellGradient + (long)n * call.Hidden);
                else Forward(call.Hidden, (float*)gates, projected, before, (float*)cells, (float*)outputs, state);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Forward(int hidden, float* gate, float* row, float* before, float* cells, float* outputs, float* state)
        {
            for (var j = 0; j < hidden; j += 16)
            {
                var count = Math.Min(16, hidden - j);
                var i = Lane.Sigmoid(Load(gate + j, count) + Load(row + j, count));
                var f = Lane.Sigmoid(Load(gate + hidden + j, count) + Load(row + hidden + j, count));
                var g = Lane.Tanh(Load(gate + 2 * hidden + j, count) + Load(row + 2 * hidden + j, count));
                var o = Lane.Sigmoid(Load(gate + 3 * hidden + j, count) + Load(row + 3 * hidden + j, count));
                var c = T.Fma(i, g, f * (before == null ? T.Of(0f) : Load(before + j, count)));
                var h = o * Lane.Tanh(c);
                Store(gate + j, count, i);
                Store(gate + hidden + j, count, f);
                Store(gate + 2 * hidden + j, count, g);
                Store(gate + 3 * hidden + j, count, o);
                Store(cells + j, count, c);
                Store(outputs + j, count, h);
                Store(state + j, count, h);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void Backward(int hidden, float* gate, float* row, float* before, float* cells, float* outputs, float* state, float* cellGradient)
        {
            var one = T.Of(1f);
            for (var j = 0; j < hidden; j += 16)
            {
                var count = Math.Min(16, hidden - j);
                var i = Load(gate + j, count);
                var f = Load(gate + hidden + j, count);
                var g = Load(gate + 2 * hidden + j, count);
                var o = Load(gate + 3 * hidden + j, count);
                var tanh = Lane.Tanh(Load(cells + j, count));
                var dh = Load(outputs + j, count) + Load(state + j, count);
                var dc = T.Fma(dh * o, T.Fma(-tanh, tanh, one), Load(cellGradient + j, count));
                Store(row + j, count, dc * g * (i * (one - i)));
                Store(row + hidden + j, count, dc * (before == null ? T.Of(0f) : Load(before + j, count)) * (f * (one - f)));
                Store(row + 2 * hidden + j, count, dc * i * T.Fma(-g, g, one));
                Store(row + 3 * hidden + j, count, dh * tanh * (o * (one - o)));
                Store(cellGradient + j, count, dc * f);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Load(float* source, int count) => count == 16 ? T.Load(source) : T.LoadPart(source, count);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store(float* destination, int count, T value)
        {
            if (count == 16) T.Store(destination, value);
            else T.StorePart(destination, count, value);
        }
    }
}
