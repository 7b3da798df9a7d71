using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.Kernels.Devices;

namespace DistTrain.Tests.Learning.Replicas;

[Collection(MeasuresTheWholeProcess.Name)]
public sealed class ReplicaAllocationTests
{
    [Theory]
    [InlineData("lenet", 1)]
    [InlineData("mlp", 1)]
    [InlineData("lenet", 2)]
    [InlineData("everything", 1)]
    [InlineData("blocks", 2)]
    [InlineData("sequence", 1)]
    public void Steps_and_evaluations_allocate_nothing_once_each_size_has_run(string model, int threads)
    {
        using var device = new CpuDevice(threads);
        var data = new Clusters(model == "everything" ? new Shape(3, 12, 12) : model == "sequence" ? new Shape(28, 28) : new Shape(1, 28, 28), 10, 128);
        var problems = new List<Problem>();
        var network = model == "everything"
            ? new Network(new Sequential(
                new Conv2d(new(4, new Pair(3, 3)) { Bias = false }), new BatchNorm(new()), Components.Make<Layer>("relu"), new AveragePool2d(new(new Pair(2, 2))), new Dropout(new(0.2f)),
                new Conv2d(new(6, new Pair(3, 3)) { Padding = new Pair(1, 1), Groups = 2 }), Components.Make<Layer>("silu"), new Flatten(), new Linear(new(10))), data.InputShape)
            : model == "blocks"
            ? new Network(new Sequential(new Conv2d(new(16, new Pair(3, 3)) { Stride = new Pair(4, 4) }), new Residual(new()
            {
                Body = [new Conv2d(new(16, new Pair(3, 3)) { Groups = 16, Padding = new Pair(1, 1) }), new GroupNorm(new(4)), new Prelu(new()), new ChannelShuffle(new(4)), new SqueezeExcite(new(4))], Relu = true,
            }), new Concat(new() { Branches = [new Chain(new()), new LocalResponseNorm(new())] }), new Upsample(new()), new ConvTranspose2d(new(3, new Pair(3, 3))), new GlobalAveragePool(), new Linear(new(10))), data.InputShape)
            : model == "sequence"
            ? new Network(new Sequential(new Conv1d(new(28, 3)), new Positions(new()), new MultiHeadAttention(new(2)), new LayerNorm(new()), new Gru(new(9) { Bidirectional = true }), new Rnn(new(6)), new Flatten(), new Linear(new(10)), new LogSoftmax()), data.InputShape)
            : ModelBuilder.Build([(model, null)], data.InputShape, data.Classes, problems)!;
        using var run = new Trainer(network, "adam", 1e-3, device, data);
        var indexes = Enumerable.Range(0, 50).ToArray();
        // Code that is not optimized yet boxes here and there: the steady state begins when the compiler is done.
        var (step, quiet) = (0, 0);
        for (; step < 400 && quiet < 20; step++) quiet = Round(step) == 0 ? quiet + 1 : 0;
        Assert.True(quiet == 20, $"after {step} rounds each still allocates");

        long Round(int step)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            run.Step(step, 32, 4);
            run.Step(step, 8, 1);
            run.Step(step, 24, 2);
            run.Replica.Evaluate(data, indexes, run.Weights.View);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }
}
