using System.Diagnostics;
using System.Globalization;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Measures what the same bits for any cluster cost: sums by segment beside plain ones, own functions beside the library's, and a worker that is lost. Times are the fastest of alternating runs.</summary>
internal static class ExactnessCost
{
    private const int Rounds = 25;

    public static void Run(TextWriter output)
    {
        using var device = new CpuDevice(1);
        output.WriteLine("weight gradients by segment, one thread: fastest of alternating runs, and over one segment");
        foreach (var (rows, inputs, outputs) in new[] { (64, 512, 512), (128, 512, 512), (512, 512, 512), (512, 128, 512) }) Products(device, rows, inputs, outputs, output);
        output.WriteLine("gradient of a whole batch, one thread: M micro-batches folded in one pass, and over M = 1");
        foreach (var (model, batch) in new[] { ("mlp", 64), ("lenet", 64), ("lstm", 32), ("gpt", 32) }) Models(device, model, batch, output);
        output.WriteLine("functions of our own (exp, tanh, sigmoid by fused multiply-adds, sixteen lanes) beside a loop over the library's, 1 Mi elements, one thread");
        Functions<DistTrain.Kernels.Functions.Tanh>(device, "tanh", MathF.Tanh, output);
        Functions<DistTrain.Kernels.Functions.Sigmoid>(device, "sigmoid", x => 1f / (1f + MathF.Exp(-x)), output);
        output.WriteLine("a worker of two is killed while it computes (LeNet, batch 128, M = 8, one thread each): what its step takes beyond the median of those before");
        for (var run = 0; run < 5; run++) Lost(output);
    }

    private static void Products(CpuDevice device, int rows, int inputs, int outputs, TextWriter output)
    {
        using var memory = device.Allocate(rows * (inputs + outputs) + outputs * inputs);
        RandomFill.Normal(memory.View.AsSpan(), 1, 0f, 1f);
        var (x, dy, dw) = (memory.View.Part(0, rows * inputs), memory.View.Part(rows * inputs, rows * outputs), memory.View.Part(rows * (inputs + outputs), outputs * inputs));
        var linear = device.Op<ILinear>();
        int[] counts = [.. new[] { 1, 2, 4, 8, 32 }.Where(m => rows / m >= 2)];
        var times = Alternate(counts, m =>
        {
            var segments = new Segments([.. Enumerable.Range(0, m + 1).Select(i => i * rows / m)]);
            return () => linear.BackwardWeights(segments, 1, inputs, outputs, x, dy, dw, View.None);
        });
        output.WriteLine($"  {rows} rows, {inputs} x {outputs}: {Shown(counts, times)}");
    }

    private static void Models(CpuDevice device, string name, int batch, TextWriter output)
    {
        var text = name is "lstm" or "gpt";
        var (input, target) = (text ? new Shape(64) : name == "mlp" ? new Shape(784) : new Shape(1, 28, 28), text ? new Shape(64) : new Shape());
        var (classes, data) = (text ? 65 : 10, new Drawn(input, target, text ? 65 : 10, text ? 65 : 0));
        var network = new Network(Catalog.BuiltIn.Create<Model>(name, null, "model", [])!.Build(input, classes), input);
        using var replica = new Replica(network, new CrossEntropy(new()), device, data);
        using var memory = device.Allocate(2 * network.Layout.Length);
        var (weights, gradient, indexes) = (memory.View.Part(0, network.Layout.Length), memory.View.Part(network.Layout.Length, network.Layout.Length), Enumerable.Range(0, batch).ToArray());
        memory.Write(0, network.Initialize(1));
        int[] counts = [1, 2, 4, 8];
        var times = Alternate(counts, m =>
        {
            var segments = new Segments([.. Enumerable.Range(0, m + 1).Select(i => i * batch / m)]);
            return () => replica.Gradient(new Pass(1, 0, batch, segments, indexes), weights, gradient);
        }, text ? 7 : Rounds);
        output.WriteLine($"  {name}, batch {batch}: {Shown(counts, times)}");
    }

    private static void Functions<TFunction>(CpuDevice device, string name, Func<float, float> library, TextWriter output) where TFunction : unmanaged, IElementwiseFunction
    {
        using var memory = device.Allocate(2 << 20);
        var (x, y) = (memory.View.Part(0, 1 << 20), memory.View.Part(1 << 20, 1 << 20));
        RandomFill.Normal(x.AsSpan(), 1, 0f, 2f);
        var op = device.Op<IElementwise<TFunction>>();
        var times = Alternate([0, 1], of => of == 0 ? () => op.Forward(default, x, y) : () =>
        {
            var from = x.AsSpan();
            var to = y.AsSpan();
            for (var i = 0; i < from.Length; i++) to[i] = library(from[i]);
        });
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name}: ours {times[0] * 1e3:F2} ms, library {times[1] * 1e3:F2} ms"));
    }

    private static void Lost(TextWriter output)
    {
        const int Steps = 120, Struck = 80;
        var opened = new long[Steps + 1];
        EmbeddedCluster? running = null;
        var job = ClusterSpeed.LeNet(128, 8).With(step =>
        {
            opened[step] = Stopwatch.GetTimestamp();
            if (step == Struck) running!.KillWorker(1, KillPoint.MidCompute);
        });
        using var cluster = running = new EmbeddedCluster(job, new RunOptions { Workers = 2, Shards = 2, ComputeThreads = 1, StopAfterSteps = Steps });
        cluster.RunAsync().GetAwaiter().GetResult();
        double Took(int step) => Stopwatch.GetElapsedTime(opened[step], opened[step + 1]).TotalMilliseconds;
        double Median(int from, int to) => Enumerable.Range(from, to - from).Select(Took).Order().ElementAt((to - from) / 2);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  usual step {Median(20, Struck - 1):F2} ms; the struck one and the one after {Took(Struck):F2}, {Took(Struck + 1):F2} ms; with one worker {Median(Struck + 5, Steps - 1):F2} ms"));
    }

    // The fastest run of each, taken in turn, after one that does not count.
    private static double[] Alternate(int[] kinds, Func<int, Action> make, int rounds = Rounds)
    {
        var (actions, best) = (kinds.Select(make).ToArray(), kinds.Select(_ => double.PositiveInfinity).ToArray());
        for (var round = 0; round <= rounds; round++)
            for (var i = 0; i < actions.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                actions[i]();
                if (round > 0) best[i] = Math.Min(best[i], Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        return best;
    }

    private static string Shown(int[] counts, double[] times) =>
        string.Join(", ", counts.Zip(times, (m, t) => string.Create(CultureInfo.InvariantCulture, $"{m}: {t * 1e3:F3} ms ({100 * (t / times[0] - 1):+0.0;-0.0} %)")));

    private sealed class Drawn(Shape input, Shape target, int classes, int vocabulary) : Dataset
    {
        public override int Count => 1024;

        public override Shape InputShape => input;

        public override Shape TargetShape => target;

        public override TargetKind TargetKind => TargetKind.Labels;

        public override int Classes => classes;

        public override int Vocabulary => vocabulary;

        public override DatasetIdentity Identity => new("drawn", 0, new string('0', 64));

        public override void Read(int index, Span<float> input, Span<int> target)
        {
            for (var i = 0; i < input.Length; i++) input[i] = vocabulary > 0 ? (index * 31 + i * 7) % vocabulary : ((index * 37 + i * 11) % 255 - 127) / 64f;
            for (var i = 0; i < target.Length; i++) target[i] = (index + i) % classes;
        }
    }
}
