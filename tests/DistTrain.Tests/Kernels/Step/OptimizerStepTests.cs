using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Step;

public sealed class OptimizerStepTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(50_001)]
    public void A_rule_with_three_states_gives_the_same_bits_everywhere(int length)
    {
        var initial = Enumerable.Range(0, 5).Select(i => EveryBody.Normal((ulong)i, length)).ToArray();
        var all = EveryBody.Run(device =>
        {
            var views = initial.Select(v => device.View(v)).ToArray();
            device.Op<IOptimizerStep<ThreeStates>>().Run(new ThreeStates(0.1f), 0.5f, views[0], views[1], views[2], views[3], views[4]);
            return EveryBody.Join(views);
        });
        for (var i = 0; i < length; i += 1 + length / 50)
        {
            var g = initial[1][i] * 0.5f;
            Assert.Equal(initial[0][i] - 0.1f * g, all[i]);
            Assert.Equal(initial[1][i], all[length + i]);                 // the gradient is left alone
            Assert.Equal(initial[2][i] + g, all[2 * length + i]);
            Assert.Equal(initial[3][i] + g * g, all[3 * length + i]);
            Assert.Equal(MathF.Sqrt(MathF.Abs(g)), all[4 * length + i]);
        }
    }

    [Fact]
    public void A_rule_without_state_takes_no_state_views()
    {
        var (w, g) = (EveryBody.Normal(1, 1000), EveryBody.Normal(2, 1000));
        var updated = EveryBody.Run(device =>
        {
            var weights = device.View(w);
            device.Op<IOptimizerStep<Descent>>().Run(new Descent(0.25f), 1, weights, device.View(g), View.None, View.None, View.None);
            return EveryBody.Join(weights);
        });
        Assert.Equal(w.Zip(g, (a, b) => a - 0.25f * b), updated);
    }

    [Fact]
    public void A_stretch_gives_the_bits_of_the_whole()
    {
        var (w, g) = (EveryBody.Normal(1, 1000), EveryBody.Normal(2, 1000));
        using var device = new CpuDevice(1);
        var (whole, parts) = (device.View(w), device.View(w));
        var op = device.Op<IOptimizerStep<Descent>>();
        op.Run(new Descent(0.1f), 0.3f, whole, device.View(g), View.None, View.None, View.None);
        foreach (var (start, length) in new[] { (0, 7), (7, 500), (507, 493) })
            op.Run(new Descent(0.1f), 0.3f, parts.Part(start, length), device.View(g).Part(start, length), View.None, View.None, View.None);
        EveryBody.AssertSameBits(whole.AsSpan(), parts.AsSpan(), "three stretches");
    }

    [Fact]
    public void A_missing_state_is_named()
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentException>(() =>
            device.Op<IOptimizerStep<ThreeStates>>().Run(default, 1, device.Unset(4), device.Unset(4), device.Unset(4), View.None, View.None));
        Assert.Contains("optimizerStep: state1 is absent; it must have 4 elements [4].", error.Message);
    }

    private readonly record struct Descent(float Rate) : IOptimizerRule
    {
        public static int StateCount => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T> =>
            weight = weight - T.Of(Rate) * gradient;
    }

    private readonly record struct ThreeStates(float Rate) : IOptimizerRule
    {
        public static int StateCount => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T>
        {
            weight = weight - T.Of(Rate) * gradient;
            state0 = state0 + gradient;
            state1 = state1 + gradient * gradient;
            state2 = T.Sqrt(T.Abs(gradient));
        }
    }
}
