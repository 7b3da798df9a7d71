using DistTrain.Kernels;
using DistTrain.Tests.Golden;

namespace DistTrain.Tests.Kernels.Dense;

public sealed class DenseGoldenTests
{
    [Theory]
    [InlineData(InstructionSet.Scalar)]
    [InlineData(InstructionSet.Vector256)]
    [InlineData(InstructionSet.Vector512)]
    public void Linear_matches_the_golden_values(InstructionSet instructionSet)
    {
        using var device = new CpuDevice(2, instructionSet);
        var golden = GoldenCase.Read("linear", "linear");
        var (rows, inputs, outputs) = (golden.Shape("inputs.x")[0], golden.Shape("inputs.x")[1], golden.Shape("inputs.w")[0]);
        var (x, w, b, dy) = (device.View(golden.Values("inputs.x")), device.View(golden.Values("inputs.w")), device.View(golden.Values("inputs.bias")), device.View(golden.Values("cotangent")));
        var (y, dx, dw, db) = (device.Unset(rows * outputs), device.Unset(rows * inputs), device.Unset(outputs * inputs), device.Unset(outputs));
        var linear = device.Op<ILinear>();
        linear.Forward(rows, inputs, outputs, x, w, b, y, Epilogue.None);
        linear.BackwardInput(rows, inputs, outputs, dy, w, dx);
        linear.BackwardWeights(Segments.One(rows), 1, inputs, outputs, x, dy, dw, db);
        golden.AssertClose("output", y.AsSpan());
        golden.AssertClose("grads.x", dx.AsSpan());
        golden.AssertClose("grads.w", dw.AsSpan());
        golden.AssertClose("grads.bias", db.AsSpan());
    }

    [Theory]
    [InlineData(InstructionSet.Scalar)]
    [InlineData(InstructionSet.Vector256)]
    [InlineData(InstructionSet.Vector512)]
    public void The_product_and_its_gradients_match_the_golden_values(InstructionSet instructionSet)
    {
        using var device = new CpuDevice(1, instructionSet);
        var golden = GoldenCase.Read("linear", "matmul");
        var (m, k, n) = (golden.Shape("inputs.a")[0], golden.Shape("inputs.a")[1], golden.Shape("inputs.b")[1]);
        var (a, b, dc) = (device.View(golden.Values("inputs.a")), device.View(golden.Values("inputs.b")), device.View(golden.Values("cotangent")));
        var (c, da, db) = (device.Unset(m * n), device.Unset(m * k), device.Unset(k * n));
        var matMul = device.Op<IMatMul>();
        matMul.Multiply(new MatMulShape(m, n, k), a, b, c);
        matMul.Multiply(new MatMulShape(m, k, n, TransposeB: true), dc, b, da);
        matMul.Multiply(new MatMulShape(k, n, m, TransposeA: true), a, dc, db);
        golden.AssertClose("output", c.AsSpan());
        golden.AssertClose("grads.a", da.AsSpan());
        golden.AssertClose("grads.b", db.AsSpan());
    }

    // The shapes that the peers are measured on: relative root mean square against double.
    [Theory]
    [InlineData(64, 512, 784)]
    [InlineData(64, 10, 512)]
    [InlineData(256, 256, 256)]
    [InlineData(512, 784, 64)]
    [InlineData(400, 120, 128)]
    public void Products_stay_within_2e_6_of_double(int m, int n, int k)
    {
        using var device = new CpuDevice(2);
        var (a, b, c) = (EveryBody.Normal(1, m * k), EveryBody.Normal(2, k * n), device.Unset(m * n));
        device.Op<IMatMul>().Multiply(new MatMulShape(m, n, k), device.View(a), device.View(b), c);
        var (error, size) = (0.0, 0.0);
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++)
            {
                var exact = 0.0;
                for (var p = 0; p < k; p++) exact += (double)a[i * k + p] * b[p * n + j];
                error += (c.AsSpan()[i * n + j] - exact) * (c.AsSpan()[i * n + j] - exact);
                size += exact * exact;
            }
        Assert.InRange(Math.Sqrt(error / size), 0, 2e-6);
    }
}
