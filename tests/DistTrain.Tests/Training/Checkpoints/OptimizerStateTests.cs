using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.Learning.Checks;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Every optimizer, with options that are not the defaults, through a checkpoint's files: weights and state written by shards, read by other shards, and then the same step to the bit.</summary>
public sealed class OptimizerStateTests
{
    // Every optimizer and each of its options stands here with a value that is not the default.
    private static readonly string[] Rows =
    [
        "{sgd: {lr: 0.3, weightDecay: 0.01}}", "{momentum: {lr: 0.02, mu: 0.8, weightDecay: 0.01, rateInside: true, muStart: 0.5, muSteps: 3, dampening: 0.3}}", "{momentum: {dampening: 0.5}}",
        "{nesterov: {lr: 0.02, mu: 0.8, weightDecay: 0.01, rateInside: true, muStart: 0.5, muSteps: 3}}", "{adaGrad: {lr: 0.05, lrDecay: 0.2, weightDecay: 0.01, initialAccumulator: 0.3, epsilon: 1e-6, epsilonInside: true}}",
        "{rmsProp: {lr: 0.02, alpha: 0.9, mu: 0.5, weightDecay: 0.01, epsilon: 1e-4, epsilonInside: true, centered: true, nesterov: true, rateInside: true}}", "{rmsProp: {centered: true}}", "{rmsProp: {mu: 0.9, nesterov: true}}", "{rmsProp: {mu: 0.9}}",
        "{adaDelta: {lr: 0.5, rho: 0.95, epsilon: 1e-4, weightDecay: 0.01, withoutRate: true}}", "{adam: {lr: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.01}}", "{adamw: {lr: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.1}}",
        "{amsGrad: {lr: 0.02, beta1: 0.8, beta2: 0.5, epsilon: 1e-4, weightDecay: 0.01, decoupled: true}}", "{amsGrad: {beta2: 0.5}}", "{adaMax: {lr: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.01}}",
        "{nadam: {lr: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.01, momentumDecay: 0.1, muTwice: true}}", "{lars: {lr: 0.5, mu: 0.8, weightDecay: 0.01, trust: 0.01, epsilon: 1e-4}}",
        "{lamb: {lr: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.1}}", "{lbfgs: {lr: 0.5, history: 3, minCurvature: 1e-4}}", "{ema: {of: {momentum: {mu: 0.8, dampening: 0.2}}, decay: 0.9}}", "{ema: {of: adamw}}", "{ema: {of: sgd, decay: 0.5}}",
    ];

    public static TheoryData<string> Texts() => new(Rows);

    [Fact]
    public void Every_optimizer_and_each_of_its_options_has_a_row()
    {
        var set = Rows.SelectMany(r => LayerRow.Sets(LayerRow.Json(r), typeof(Optimizer))).ToHashSet();
        var missing = Catalog.BuiltIn.All<Optimizer>().SelectMany(o => o.Options.Select(option => $"{o.Name}.{option.Name}").Prepend(o.Name)).Where(name => !set.Contains(name)).ToList();
        Assert.True(missing.Count == 0, $"no row sets {string.Join(", ", missing)}. Add one with a value that is not the default.");
    }

    [Theory, MemberData(nameof(Texts))]
    public void A_checkpoint_read_by_other_shards_gives_an_identical_next_step(string text)
    {
        var problems = new List<Problem>();
        var optimizer = Catalog.BuiltIn.Read(typeof(Optimizer), LayerRow.Json(text), "row", problems) as Optimizer;
        Assert.True(optimizer is not null, string.Join("\n", problems));
        var rules = new UpdateRules { ClipValue = 0.9, L1 = 1e-3, L2 = 1e-2, ClipTensorNorm = optimizer.PerTensor ? 3 : 0, Parameters = optimizer.NeedsWholeVector ? [] : [new RateOf(new("1.bias", 0.5)), new Freeze(new("3.bias"))] };
        optimizer = optimizer.With(optimizer.NeedsWholeVector ? UpdateRules.None : rules);
        var job = TestJobs.Mlp(optimizer);
        if (optimizer.NeedsWholeVector) job = job with { Layout = job.Layout.KeepingVectorWhole() };
        else if (optimizer.NeedsWholeTensors) job = job with { Layout = job.Layout.KeepingTensorsWhole() };
        var (some, others) = optimizer.NeedsWholeVector ? (1, 1) : (2, 3);
        var store = new CheckpointStore(new CrashingFileSystem(), "run");
        using var run = new Shards(job, some, InstructionSet.Vector512);
        for (var update = 1; update <= 4; update++) run.Step(update);
        run.Save(store, 4);
        run.Step(5);
        run.Step(6);
        using var resumed = new Shards(job, others, InstructionSet.Scalar);
        resumed.Load(store.RestoreNewest(job, [])!.Vectors);
        resumed.Step(5);
        resumed.Step(6);
        Assert.Equal(run.Bits(), resumed.Bits());
    }

    private sealed class Shards : IDisposable
    {
        private readonly ResolvedJob _job;
        private readonly CpuDevice _device;
        private readonly DeviceBuffer _weights;
        private readonly DeviceBuffer _gradient;
        private readonly ShardMemory[] _shards;

        public Shards(ResolvedJob job, int shards, InstructionSet body)
        {
            (_job, _device) = (job, new CpuDevice(1, body));
            (_weights, _gradient) = (_device.Allocate(job.Layout.Length), _device.Allocate(job.Layout.Length));
            job.Initialize(_weights.View.AsSpan());
            _shards = [.. job.Layout.Split(shards).Select(range => new ShardMemory(job.Layout, range, job.Optimizer, _device, _weights.View))];
        }

        public void Step(int update)
        {
            RandomFill.Normal(_gradient.View.AsSpan(), (ulong)update + 10, 0f, 1f);
            var rate = _job.Optimizer.LearningRate * (update > 3 ? 0.5 : 1); // a schedule's
            var room = new float[Optimizer.MaxScalars];
            var scalars = room.AsSpan(0, _job.Optimizer.Scalars(update, rate, room));
            foreach (var shard in _shards) shard.Apply(_device, update, rate, scalars, 0.37f, _gradient.View.Part(shard.Range.Offset, shard.Range.Length));
        }

        public void Save(CheckpointStore store, long step)
        {
            var draft = store.Begin(step);
            var files = new List<CheckpointFile>();
            for (var s = 0; s < _shards.Length; s++)
            {
                _shards[s].BeginSnapshot();
                files.Add(store.WriteShard(draft, s, _shards.Length, _job, new ShardSnapshot(_shards[s].Range, _shards[s].Snapshot())));
            }
            store.Publish(draft, new ManifestFile
            {
                Job = _job.Name, Identity = _job.Identity, LayoutSha256 = ManifestFile.LayoutHash(_job.Layout), Step = step, Updates = step, Epoch = 0, Incarnation = 1,
                Records = 0, RecordsDigest = new string('0', 64), States = [.. _job.Optimizer.StateNames], Shards = files,
            }, []);
        }

        public void Load(float[] vectors)
        {
            foreach (var shard in _shards) shard.Load(vectors);
        }

        /// <summary>Weights and states as flat vectors, whatever the shards.</summary>
        public int[] Bits()
        {
            var (length, states) = (_job.Layout.Length, _job.Optimizer.StateCount);
            var bits = new int[(1 + states) * length];
            foreach (var shard in _shards)
            {
                var part = new float[(1 + states) * shard.Range.Length];
                shard.CopyTo(part);
                for (var i = 0; i < part.Length; i++) bits[i / shard.Range.Length * length + shard.Range.Offset + i % shard.Range.Length] = BitConverter.SingleToInt32Bits(part[i]);
            }
            return bits;
        }

        public void Dispose()
        {
            foreach (var shard in _shards) shard.Dispose();
            _weights.Dispose();
            _gradient.Dispose();
            _device.Dispose();
        }
    }
}
