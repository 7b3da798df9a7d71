using DistTrain.Kernels;
using DistTrain.Kernels.Functions;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Elementwise;

/// <summary>Every activation: golden values, and the same bits from every body on lengths that leave a tail and on ones that are cut for threads.</summary>
public sealed class ActivationTests
{
    [Fact] public void Relu() => Check("relu", new Relu());

    [Fact] public void Relu6() => Check("relu6", new Relu6(), inputScale: 4);   // the case is relu6(4x)

    [Fact] public void Leaky_relu() => Check("leaky_relu_0.01", new LeakyRelu(0.01f));

    [Fact] public void Absolute() => Check("absolute_rectifier", new Absolute());

    [Fact] public void Elu() => Check("elu", new Elu(1));

    [Fact] public void Selu() => Check("selu", new Selu());

    [Fact] public void Sigmoid() => Check("sigmoid", new Sigmoid());

    [Fact] public void Tanh() => Check("tanh", new Tanh());

    [Fact] public void Softplus() => Check("softplus", new Softplus());

    [Fact] public void Gelu() => Check("gelu_erf", new Gelu());

    [Fact] public void Silu() => Check("silu", new Silu());

    [Fact] public void Hard_swish() => Check("hard_swish", new HardSwish());

    [Fact]
    public void Relu_keeps_NaN()
    {
        var y = EveryBody.Run(device => Forward(device, new Relu(), [float.NaN, -1, 0, 2]));
        Assert.Equal([float.NaN, 0, 0, 2], y);
    }

    [Fact]
    public void Lengths_that_differ_are_named()
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<ArgumentException>(() => device.Op<IElementwise<Relu>>().Forward(default, device.Unset(3), device.Unset(4)));
        Assert.Contains("elementwise: y has 4 elements; it must have 3 elements [3].", error.Message);
    }

    private static void Check<TFunction>(string name, TFunction function, float inputScale = 1) where TFunction : unmanaged, IElementwiseFunction
    {
        var golden = GoldenCase.Read("activation", name);
        float[] x = [.. golden.Values("inputs.x").Select(v => v * inputScale)];
        golden.AssertClose("output", EveryBody.Run(device => Forward(device, function, x)));
        golden.AssertClose("grads.x", [.. EveryBody.Run(device => Backward(device, function, x, golden.Values("cotangent"))).Select(v => v * inputScale)]);

        foreach (var length in new[] { 1, 16, 50_001 })
        {
            var (inputs, cotangent) = (EveryBody.Normal(1, length), EveryBody.Normal(2, length));
            for (var i = 0; i < length; i++) inputs[i] *= i % 7 == 0 ? 30 : 2;
            EveryBody.Run(device => Forward(device, function, inputs));
            EveryBody.Run(device => Backward(device, function, inputs, cotangent));
        }
    }

    private static float[] Forward<TFunction>(CpuDevice device, TFunction function, float[] x) where TFunction : unmanaged, IElementwiseFunction
    {
        var (op, y, inPlace) = (device.Op<IElementwise<TFunction>>(), device.Unset(x.Length), device.View(x));
        op.Forward(function, device.View(x), y);
        op.Forward(function, inPlace, inPlace);
        EveryBody.AssertSameBits(y.AsSpan(), inPlace.AsSpan(), "in place");
        return EveryBody.Join(y);
    }

    private static float[] Backward<TFunction>(CpuDevice device, TFunction function, float[] x, float[] cotangent) where TFunction : unmanaged, IElementwiseFunction
    {
        var (op, y, dx, inPlace) = (device.Op<IElementwise<TFunction>>(), device.Unset(x.Length), device.Unset(x.Length), device.View(cotangent));
        op.Forward(function, device.View(x), y);
        op.Backward(function, device.View(x), y, device.View(cotangent), dx);
        op.Backward(function, device.View(x), y, inPlace, inPlace);
        EveryBody.AssertSameBits(dx.AsSpan(), inPlace.AsSpan(), "in place");
        return EveryBody.Join(dx);
    }
}
