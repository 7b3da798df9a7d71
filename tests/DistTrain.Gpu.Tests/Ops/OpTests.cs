using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>The kernels' own C# on ILGPU's simulator against the plain loops of the CPU, bit for bit.</summary>
public sealed class OpTests(OpTests.Devices devices) : IClassFixture<OpTests.Devices>
{
    /// <summary>Made once: a simulated group is sixteen threads of the operating system.</summary>
    public sealed class Devices : IDisposable
    {
        public GpuDevice Simulator { get; } = GpuDevice.Simulator();

        public CpuDevice Reference { get; } = new(1, InstructionSet.Scalar);

        public void Dispose()
        {
            Simulator.Dispose();
            Reference.Dispose();
        }
    }

    private static readonly IReadOnlyDictionary<string, OpCase> Cases = OpCases.All(size: 8).ToDictionary(one => one.Name);

    public static TheoryData<string> Names => new(Cases.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_simulator_gives_the_reference_bits(string name)
    {
        var difference = OpCase.Difference(Cases[name].Run(devices.Reference), Cases[name].Run(devices.Simulator), out _);
        Assert.True(difference is null, $"{name}: {difference}");
    }
}
