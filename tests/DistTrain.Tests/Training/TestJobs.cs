using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Small jobs that train in milliseconds: a perceptron, and a convolutional net with batch normalization and dropout.</summary>
internal static class TestJobs
{
    private static readonly ManualResetEventSlim _never = new();
    private static readonly DataSplit _data = new(new SyntheticImages(150, 1), new SyntheticImages(70, 2));

    /// <summary>64-32-4: five blocks. 5 steps an epoch, the last of 22 samples.</summary>
    public static ResolvedJob Mlp(Optimizer? optimizer = null, double clipNorm = 0, int microBatches = 8, int epochs = 3, Schedule? schedule = null) =>
        Of("mlp", new Sequential(new Flatten(), new Linear(new(32)), new Relu(), new Linear(new(4))), optimizer, clipNorm, microBatches, epochs, schedule);

    /// <summary>conv, batch norm, ReLU, pooling, dropout, linear.</summary>
    public static ResolvedJob ConvNet(Optimizer? optimizer = null, double clipNorm = 0, int microBatches = 4, int epochs = 3) =>
        Of("convnet", new Sequential(new Conv2d(new(6, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new BatchNorm(new()), new Relu(), new MaxPool2d(new(new Pair(2, 2))),
            new Flatten(), new Dropout(new(0.25f)), new Linear(new(4))), optimizer, clipNorm, microBatches, epochs, null);

    /// <summary>One small linear layer: its checkpoints are a few kilobytes.</summary>
    public static ResolvedJob Tiny(int epochs = 1) => Of("tiny", new Sequential(new Flatten(), new Linear(new(4))), new Momentum(new()), 0, 2, epochs, null);

    /// <summary>A recurrent net on a text in 8 lanes, whose state goes on from step to step; 6 steps an epoch.</summary>
    public static ResolvedJob Text(string cell, Optimizer? optimizer = null, double clipNorm = 0, int epochs = 3)
    {
        var text = new ushort[8 * 31];
        for (var i = 0; i < text.Length; i++) text[i] = (ushort)((i * i + i / 3) % 7);
        var tokens = new Tokens("abcdefg".EnumerateRunes());
        var identity = new DatasetIdentity("text", text.Length, "0");
        var data = new AdjacentText(text, tokens, 5, identity).ForBatches(8);
        Layer recurrent = cell switch { "rnn" => new Rnn(new(6, 2)), "gru" => new Gru(new(6)), _ => new Lstm(new(6, 2)) };
        var network = new Network(new Sequential(new Embedding(new(7, 4)), recurrent, new Linear(new(7))), data.InputShape, data.Lanes);
        return Of(cell, network, data, optimizer ?? new Adam(new(Lr: 0.01)), clipNorm, 4, epochs) with { BatchSize = 8, Data = new DataSplit(data, new TextWindows(text, tokens, 5, 5, identity)) };
    }

    /// <summary>The same job (and bits), but <paramref name="beforeStep"/> is called as the scheduler opens each step: what it does happens at that very point.</summary>
    public static ResolvedJob With(this ResolvedJob job, Action<long> beforeStep) => job with { Schedule = new PacedSchedule(job.Schedule, beforeStep) };

    /// <summary>From a document such as <c>mlp adam 0.5 3</c> (model, optimizer, clip norm, epochs; <c>slow</c> makes a step take 10 ms at least) to its job, in any process.</summary>
    public static ResolvedJob Resolve(string document)
    {
        var words = document.Split(' ');
        var (clip, epochs) = (double.Parse(words[2], CultureInfo.InvariantCulture), int.Parse(words[3], CultureInfo.InvariantCulture));
        Optimizer optimizer = words[1] switch { "sgd" => new Sgd(new(Lr: 0.05)), "momentum" => new Momentum(new(Lr: 0.02)), _ => new Adam(new(Lr: 0.01)) };
        var job = words[0] is "rnn" or "gru" or "lstm" ? Text(words[0], optimizer, clip, epochs) : words[0] == "mlp" ? Mlp(optimizer, clip, epochs: epochs) : ConvNet(optimizer, clip, epochs: epochs);
        if (words is [.., "slow"]) job = job.With(_ => _never.Wait(10));
        return job with { Document = document };
    }

    private static ResolvedJob Of(string name, Layer root, Optimizer? optimizer, double clipNorm, int microBatches, int epochs, Schedule? schedule) =>
        Of(name, new Network(root, _data.Train.InputShape), _data.Train, optimizer ?? new Adam(new(Lr: 0.01)), clipNorm, microBatches, epochs) with
        {
            Data = _data, Schedule = schedule ?? new ConstantSchedule(new()), BatchSize = 32,
        };

    public static ResolvedJob Of(string name, Network network, Dataset data, Optimizer optimizer, double clipNorm, int microBatches, int epochs) => new()
    {
        Name = name, Identity = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name} {optimizer.GetType().Name} {clipNorm} {microBatches} {epochs}"))),
        Data = new DataSplit(data, data), Layout = network.Layout, MakeReplica = device => new Replica(network, new CrossEntropy(new()), device, data),
        CutStages = stages => ModelStages.Cut(network, new CrossEntropy(new()), data, stages),
        Initialize = weights => network.Initialize(7, weights), Optimizer = optimizer, Schedule = new ConstantSchedule(new()), LearningRate = optimizer.LearningRate,
        Epochs = epochs, BatchSize = 32, MicroBatches = microBatches, ClipNorm = clipNorm, Seed = 7, EvaluationSamples = 16,
    };

    private sealed class PacedSchedule(Schedule schedule, Action<long> beforeStep) : Schedule
    {
        public override double Rate(double baseRate, long step, long totalSteps, long stepsPerEpoch)
        {
            beforeStep(step);
            return schedule.Rate(baseRate, step, totalSteps, stepsPerEpoch);
        }
    }
}
