using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>Steps a second of a whole training step as production runs it: one worker of an embedded cluster, exact, clipping on, momentum 0.9 at rate 0.01.</summary>
internal static class StepBench
{
    private const int FixedSteps = 20;
    private const int WarmSteps = 5;

    public static JsonObject Run(string model, int batch, int threads, double seconds, int microBatches, CancellationToken cancellation)
    {
        var job = Job(model, batch, microBatches, out var parameters);
        var (hash, first, records) = Train(job, threads, FixedSteps, Timeout.InfiniteTimeSpan, cancellation);
        // What warms up over time is warm now; of the timed run the first steps do not count. Fixed steps that took longer than was asked for are the measurement.
        if (records[^1].Seconds - records[WarmSteps].Seconds < seconds) (_, _, records) = Train(job, threads, 0, TimeSpan.FromSeconds(seconds), cancellation);
        if (records.Count < 2 * WarmSteps) (_, _, records) = Train(job, threads, 2 * WarmSteps, Timeout.InfiniteTimeSpan, cancellation);
        var counted = records.Skip(WarmSteps).ToArray();
        var elapsed = counted[^1].Seconds - counted[0].Seconds;
        var planned = StepMemory.Of(Build(model, batch).Network, new CrossEntropy(new()), job.Optimizer, job.Data.Train.TargetShape, job.Data.Train.TargetKind, batch, job.MicroBatches, 1, threads);
        using var self = Process.GetCurrentProcess();
        return new JsonObject
        {
            ["peer"] = $"disttrain {VersionVerb.Number}", ["model"] = model, ["batch"] = batch, ["threads"] = threads, ["format"] = "nchw", ["steps"] = counted[^1].Step,
            ["samples_per_s"] = Math.Round((counted[^1].Step - counted[0].Step) * batch / elapsed, 1), ["params"] = parameters,
            ["loss_first"] = Math.Round(first, 4), ["loss_last"] = Math.Round(counted[^1].Loss, 4),
            ["microBatches"] = job.MicroBatches, ["determinism"] = "exact", ["weightsSha256"] = hash,
            ["peak_mib"] = Math.Round(self.PeakWorkingSet64 / 1048576.0, 1), ["planned_mib"] = Math.Round((planned.Total + job.Data.Train.Identity.Bytes) / 1048576.0, 1),
        };
    }

    /// <summary>A model of the catalogue by its name, for the data it is measured on.</summary>
    /// <exception cref="CommandException">It is none, or none that tells classes apart.</exception>
    public static (Network Network, SyntheticData Data) Build(string model, int batch)
    {
        if (Catalog.BuiltIn.Find<Model>(model) is null)
        {
            var known = Catalog.BuiltIn.All<Model>().Select(m => m.Name).Order(StringComparer.Ordinal).ToList();
            throw new CommandException(ExitCode.Usage, $"--model is {model}{(Catalog.BuiltIn.Find<Layer>(model) is null ? "" : ", a layer")}. It must be one of {string.Join(", ", known)}.{NearestName.Suggest(model, known)}");
        }
        var problems = new List<Problem>();
        var data = SyntheticData.For(model, batch);
        var network = ModelBuilder.Build([(model, null)], data.InputShape, data.Classes, problems, "--model") ?? throw new CommandException(ExitCode.Usage, string.Join(Environment.NewLine, problems));
        if (network.Misfit(new CrossEntropy(new()), data.TargetShape, data.TargetKind, data.Classes) is not null)
            throw new CommandException(ExitCode.Usage, $"--model is {model}, which is not measured: a step is of cross-entropy on {data.Classes} classes, and it gives {network.Output} for each sample. Name a model that tells classes apart.");
        return (network, data);
    }

    private static ResolvedJob Job(string model, int batch, int microBatches, out long parameters)
    {
        var (network, data) = Build(model, batch);
        var loss = new CrossEntropy(new());
        var optimizer = new Momentum(new(Lr: 0.01, Mu: 0.9));
        parameters = network.Layout.ParameterCount;
        return new ResolvedJob
        {
            Name = $"bench-{model}", Identity = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"bench {model} {batch} {microBatches}"))), Data = new DataSplit(data, data), Layout = network.Layout,
            MakeReplica = device => new Replica(network, loss, device, data), Initialize = weights => network.Initialize(0, weights),
            Optimizer = optimizer, Schedule = new ConstantSchedule(new()), LearningRate = optimizer.LearningRate,
            // The data is one batch, so an epoch is a step; the run ends by time.
            Epochs = int.MaxValue, BatchSize = batch, MicroBatches = microBatches > 0 ? microBatches : MicroBatches.Default(batch, network.HasBatchStatistics),
            ClipNorm = 1.0, EvaluateEvery = int.MaxValue,
        };
    }

    private static (string WeightsSha256, double FirstLoss, IReadOnlyList<RunRecord> Records) Train(ResolvedJob job, int threads, long steps, TimeSpan time, CancellationToken cancellation)
    {
        // Nobody reads while it runs: the feed keeps the newest steps, and no second thread takes part.
        var feed = new RunFeed();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = 1, Shards = 1, ComputeThreads = threads, StopAfterSteps = steps }, feed);
        if (time != Timeout.InfiniteTimeSpan) stop.CancelAfter(time);
        var result = cluster.RunAsync(stop.Token).GetAwaiter().GetResult();
        cancellation.ThrowIfCancellationRequested();
        if (result.Status is TrainingStatus.Failed) throw new CommandException(ExitCode.JobFailed, $"the measured run failed: {result.Error}");
        var records = new List<RunRecord>();
        while (feed.Records.TryRead(out var record))
            if (record.Kind is RunRecordKind.Step) records.Add(record);
        return (result.WeightsSha256, records.Count > 0 ? records[0].Loss : double.NaN, records);
    }
}
