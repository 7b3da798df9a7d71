using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Workers of one process have no weights of their own: whoever steps the one vector has stepped it for all.</summary>
public sealed class SharedWeightsTests
{
    [Theory]
    [InlineData("mlp")]
    [InlineData("convnet")]
    public void Every_worker_of_a_process_reads_the_one_vector_of_weights(string model)
    {
        var job = model == "mlp" ? TestJobs.Mlp() : TestJobs.ConvNet();
        using var cpu = new CpuDevice(1);
        using var weights = cpu.Allocate(job.Layout.Length);
        job.Initialize(weights.View.AsSpan());
        using var first = new Worker(job, weights.View);
        using var second = new Worker(job, weights.View);
        var before = first.Gradient();
        Assert.Equal(before, second.Gradient());
        foreach (ref var weight in weights.View.AsSpan()) weight *= 1.5f;
        var after = first.Gradient();
        Assert.NotEqual(before, after);
        Assert.Equal(after, second.Gradient());
    }

    [Fact]
    public void A_replica_takes_no_memory_for_weights()
    {
        // 16 M weights of which a sample's activations are a few kilobytes: a copy could not hide in what is allocated.
        var data = new SyntheticImages(8, 1);
        var job = TestJobs.Of("wide", new Network(new Sequential(new Flatten(), new Linear(new(1 << 18)), new Linear(new(4))), data.InputShape), data, new Sgd(new()), 0, 8, 1);
        using var cpu = new CpuDevice(1);
        using var weights = cpu.Allocate(job.Layout.Length);
        using var device = new CountingDevice();
        using var replica = job.MakeReplica(device);
        using var gradient = cpu.Allocate(job.Layout.Length);
        replica.Gradient(new NodeSamples(job).Training(0, TreeNode.Leaf(0)), weights.View, gradient.View);
        Assert.InRange(device.Allocated, 1, job.Layout.Length / 2);
    }

    private sealed class Worker(ResolvedJob job, View weights) : IDisposable
    {
        private readonly CpuDevice _device = new(1);
        private LocalComputer? _computer;

        public float[] Gradient()
        {
            _computer ??= new LocalComputer(job, _device, weights);
            using var gradient = _device.Allocate(job.Layout.Length);
            _computer.Gradient(0, TreeNode.Root(job.MicroBatches), gradient);
            return gradient.View.AsSpan().ToArray();
        }

        public void Dispose()
        {
            _computer?.Dispose();
            _device.Dispose();
        }
    }

    /// <summary>The CPU, with what is allocated on it counted.</summary>
    private sealed class CountingDevice : Device
    {
        private readonly CpuDevice _cpu = new(1);

        public long Allocated { get; private set; }

        public override string Name => _cpu.Name;

        public override string DeterminismClass => _cpu.DeterminismClass;

        public override DeviceBuffer Allocate(int length)
        {
            Allocated += length;
            return _cpu.Allocate(length);
        }

        protected override object MakeOp(Type op) => typeof(Device).GetMethod(nameof(Op))!.MakeGenericMethod(op).Invoke(_cpu, null)!;

        public override void Dispose() => _cpu.Dispose();
    }
}
