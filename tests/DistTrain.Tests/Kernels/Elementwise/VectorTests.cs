using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Elementwise;

public sealed class VectorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(100_003)]
    public void Every_body_fills_copies_adds_and_adds_scaled(int length)
    {
        var (x, y) = (EveryBody.Normal(1, length), EveryBody.Normal(2, length));
        var all = EveryBody.Run(device =>
        {
            var vector = device.Op<IVector>();
            var (filled, copied, added, scaled) = (device.Unset(length), device.Unset(length), device.View(y), device.View(y));
            vector.Fill(filled, 2.5f);
            vector.Copy(device.View(x), copied);
            vector.Add(device.View(x), added);
            vector.AddScaled(0.1f, device.View(x), scaled);
            return EveryBody.Join(filled, copied, added, scaled);
        });
        for (var i = 0; i < length; i += 1 + length / 100)
        {
            Assert.Equal(2.5f, all[i]);
            Assert.Equal(x[i], all[length + i]);
            Assert.Equal(y[i] + x[i], all[2 * length + i]);
            Assert.Equal(MathF.FusedMultiplyAdd(0.1f, x[i], y[i]), all[3 * length + i]);
        }
    }

    [Fact]
    public void Elements_outside_the_view_are_left_alone()
    {
        foreach (var body in Enum.GetValues<InstructionSet>())
        {
            using var device = new CpuDevice(1, body);
            var all = device.Unset(40);
            device.Op<IVector>().Fill(all.Part(3, 21), 1);
            for (var i = 0; i < 40; i++) Assert.Equal(i is >= 3 and < 24 ? 1 : -12345.678f, all.AsSpan()[i]);
        }
    }
}
