using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training.Specs;

/// <summary>A job with everything resolved, and where it is to run.</summary>
/// <param name="File">The spec it came from.</param>
/// <param name="Job">What decides the bits.</param>
/// <param name="Options">Where and how it runs; the checkpoint folder is left to the caller.</param>
/// <param name="Statistics">What the data is standardized by; null where it is not.</param>
/// <param name="Warnings">What works but is likely not meant.</param>
public sealed record PlannedJob(JobFile File, ResolvedJob Job, Network Network, Loss Loss, RunOptions Options, ChannelStatistics? Statistics, IReadOnlyList<SpecProblem> Warnings)
{
    public JobSpec Spec => File.Spec;

    /// <summary>The training set as its format reads it.</summary>
    public required Dataset Raw { get; init; }

    /// <summary>Height and width that its format brings images to; null: it takes them as they are.</summary>
    public Pair? ImageSize { get; init; }

    /// <summary>Samples as the format reads them, made what the network takes, as those of the test set are. <see cref="ShapeException"/>: they are of a shape that the job's are not.</summary>
    public required Func<Dataset, Dataset> AsTest { get; init; }

    /// <summary>The stages of its pipeline; null without one.</summary>
    public ModelStages? Stages { get; init; }

    /// <summary>What its pipeline is expected to cost; null without one.</summary>
    public PipelineEstimate? Pipeline => Stages is null ? null : PipelineEstimate.Of(Stages, Job.MicroBatches, Options.Processes > 0 ? Options.Processes : Options.Workers);

    /// <summary>The shards that it runs with: at least one for each stage.</summary>
    public IReadOnlyList<ShardRange> Shards => PipelinePlan.Of(Job, Options.Shards, Options.Pipeline).Shards;
}

/// <summary>Resolves a spec: names to components, data to samples, layers to shapes, M to a number. Every problem is found before anything runs.</summary>
public static class JobPlanner
{
    /// <param name="shardsMatter">Whether the number of shards and workers is held against the model; a replay in one process does not care.</param>
    /// <exception cref="SpecException">Everything that is wrong.</exception>
    public static PlannedJob Plan(JobFile file, bool shardsMatter = true)
    {
        var components = new SpecComponents(file);
        var problems = new List<SpecProblem>();
        var spec = file.Spec;
        if (!Devices.IsHere(spec.Cluster.Device))
            problems.Add(file.Problem("spec.cluster.device", $"is {spec.Cluster.Device}. This machine or this build has no such accelerator. Use auto or cpu."));
        var data = Open(file, components.Format!, problems) ?? throw new SpecException(problems);
        var raw = data.Train;
        (data, var statistics, var asTest) = JobData.Prepare(file, components, data, problems);
        var network = Build(file, data, components.Loss!, Rules(spec, components), problems);
        if (spec.Training.BatchSize > data.Train.Count)
            problems.Add(file.Problem("spec.training.batchSize", $"is {spec.Training.BatchSize}. It must be at most {data.Train.Count}, the samples of the training set."));
        if (components.Optimizer is { NeedsWholeVector: true }) CheckWholeVector(file, data.Train, components, problems);
        if (spec.Training.Sampling != "permutation" && data.Train.Lanes > 0)
            problems.Add(file.Problem("spec.training.sampling", $"is {spec.Training.Sampling}. It must be permutation: the samples go on from each other, so their order is the data's."));
        if (spec.Training.MicroBatches > spec.Training.BatchSize)
            problems.Add(file.Problem("spec.training.microBatches", $"is {spec.Training.MicroBatches}. It must be at most {spec.Training.BatchSize}, spec.training.batchSize; a micro-batch holds at least one sample."));
        if (shardsMatter && network is not null && Layout(network, Updater(spec, components)) is var layout && spec.Cluster.Shards > layout.MostShards)
            problems.Add(file.Problem("spec.cluster.shards", $"is {spec.Cluster.Shards}. It must be at most {layout.MostShards}, the {(layout.WholeVector ? "one that holds the whole vector (the optimizer takes inner products over it)" : layout.WholeTensors ? "tensors (the optimizer or clipTensorNorm needs whole ones)" : layout.KeepsTensors ? "tensors (a side loss's gradients stand behind them)" : "blocks")} of this model's {layout.ParameterCount:N0} parameters. Use fewer shards."));
        foreach (var rule in Rules(spec, components).Idle(network?.Layout.Slices.Where(s => s.Kind is SliceKind.Parameter or SliceKind.Moments).Select(s => s.Name) ?? []))
            if (network is not null) problems.Add(file.Problem("spec.training.parameters", $"has {rule.Pattern}, which is the name of no parameter. The model has {string.Join(", ", network.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter).Take(12).Select(s => s.Name))}{(network.Parameters.Count > 12 ? ", ..." : "")}; * stands for anything."));
        if (shardsMatter && network is not null && spec.Cluster.Pipeline > 1 && problems.Count == 0) CheckPipeline(file, network, components.Loss!, data.Train, problems);
        var foreign = network is null ? null : Foreign(file, components, network, problems);
        if (problems.Count > 0) throw new SpecException(problems);

        var microBatches = spec.Training.MicroBatches > 0 ? spec.Training.MicroBatches : MicroBatches.Default(spec.Training.BatchSize, network!.HasBatchStatistics);
        var warnings = shardsMatter ? Warnings(file, network!, microBatches) : [];
        if (shardsMatter) warnings.AddRange(LikelyMistakes.Of(file, network!, data.Train));
        var job = Resolve(spec, components, data, network!, microBatches, foreign);
        return new PlannedJob(file, job, network!, components.Loss!, Options(spec, (data.Train.Count + spec.Training.BatchSize - 1) / spec.Training.BatchSize), statistics, warnings)
        {
            Raw = raw, ImageSize = components.Format!.ImageSize, AsTest = asTest,
            Stages = shardsMatter && spec.Cluster.Pipeline > 1 ? job.CutStages!(spec.Cluster.Pipeline) : null,
        };
    }

    /// <summary>A spec's data as its format reads it, before it is standardized.</summary>
    /// <exception cref="SpecException">It cannot be read.</exception>
    public static DataSplit Open(JobFile file)
    {
        var problems = new List<SpecProblem>();
        return Open(file, new SpecComponents(file).Format!, problems) ?? throw new SpecException(problems);
    }

    /// <summary>The job of a <see cref="ResolvedJob.Document"/>, in a worker process.</summary>
    public static ResolvedJob FromDocument(string document) =>
        Plan(JobFile.Parse(Encoding.UTF8.GetBytes(document), "the job that was sent", json: true), shardsMatter: false).Job;

    /// <summary>The part of a spec that decides the result's bits, in one canonical text.</summary>
    public static JsonObject WhatDecides(JobSpec spec, int microBatches)
    {
        var all = (JsonObject)SpecWriter.ToJson(spec)["spec"]!.DeepClone();
        all.Remove("cluster");
        all.Remove("checkpoint");
        all.Remove("diagnosis");
        ((JsonObject)all["init"]!).Remove("from");
        ((JsonObject)all["data"]!).Remove("path");
        ((JsonObject)all["data"]!).Remove("prefetch");
        all["training"]!["microBatches"] = microBatches;
        return all;
    }

    private static DataSplit? Open(JobFile file, DatasetFormat format, List<SpecProblem> problems)
    {
        try
        {
            return format.Open(file.Spec.Data.Path, file.Spec.Training.Seed);
        }
        catch (DatasetException wrong)
        {
            problems.Add(file.Remark(file.Spec.Data.Path.Length > 0 ? "spec.data.path" : "spec.data", wrong.Message));
            return null;
        }
    }

    private static Network? Build(JobFile file, DataSplit data, Loss loss, UpdateRules rules, List<SpecProblem> problems)
    {
        var found = new List<Problem>();
        var outputs = data.Train.TargetKind is TargetKind.Labels ? data.Train.Classes : data.Train.TargetShape.Length;
        var network = ModelBuilder.Build([.. file.Spec.Model.Select(c => (c.Name, c.Options))], data.Train.InputShape, outputs, found, lanes: data.Train.Lanes, loss: loss, frozen: name => rules.RateFactor(name) == 0);
        problems.AddRange(found.Select(p => file.Problem(p.Path, p.Message)));
        if (network?.Misfit(loss, data.Train.TargetShape, data.Train.TargetKind, data.Train.Classes) is { } misfit)
            problems.Add(file.Remark("spec.loss", misfit));
        if (network?.Layout.ParameterCount == 0)
            problems.Add(file.Problem("spec.model", "has no parameters. Add a layer that learns, such as {linear: 10}."));
        return network;
    }

    private static ForeignWeights? Foreign(JobFile file, SpecComponents components, Network network, List<SpecProblem> problems)
    {
        var init = file.Spec.Init;
        if (init.From.Length == 0)
        {
            if (init.Map.Count > 0) problems.Add(file.Problem("spec.init.map", "is set and spec.init.from is not. Name the file whose tensors it is about."));
            return null;
        }
        var found = new List<string>();
        var foreign = ForeignWeights.Open(init.From, network.Layout, components.WeightRules, init.Strict, found);
        problems.AddRange(found.Select(text => file.Problem("spec.init.from", text)));
        return foreign;
    }

    // A rule that compares gradients of steps needs them of the same samples, and its inner products need all weights in one place and at one rate.
    private static void CheckWholeVector(JobFile file, Dataset train, SpecComponents components, List<SpecProblem> problems)
    {
        var (training, name) = (file.Spec.Training, file.Spec.Optimizer.Name);
        if (training.BatchSize != train.Count) problems.Add(file.Problem("spec.training.batchSize", $"is {training.BatchSize}. It must be {train.Count}, all training samples, with {name}: on a part of them its differences of gradients would measure noise."));
        if (training.Sampling == "replacement") problems.Add(file.Problem("spec.training.sampling", $"is replacement. It must be permutation or bootstrap with {name}: every step must have the same samples."));
        if (training.ClipTensorNorm > 0) problems.Add(file.Problem("spec.training.clipTensorNorm", $"is {training.ClipTensorNorm}. It must be 0 with {name}. Use clipNorm."));
        if (file.Spec.Cluster.Pipeline > 1) problems.Add(file.Problem("spec.cluster.parallel.pipeline", $"is {file.Spec.Cluster.Pipeline}. It must be 1 with {name}: stages have shards of their own, and it needs the whole vector."));
        if (components.ParameterRules.Any(r => r.Factor is not (0 or 1))) problems.Add(file.Problem("spec.training.parameters", $"has rates of single parameters. With {name} a parameter can be frozen, but not have a rate: a direction is of the whole vector."));
    }

    private static void CheckPipeline(JobFile file, Network network, Loss loss, Dataset train, List<SpecProblem> problems)
    {
        if (network.Layout.Sides.Count > 0)
        {
            problems.Add(file.Problem("spec.cluster.parallel.pipeline", $"is {file.Spec.Cluster.Pipeline}. It must be 1: the loss is {file.Spec.Loss.Name}, whose factor is known at the end of a step, and {network.Sides.First} has a term of its own, so each sample runs twice."));
            return;
        }
        var most = ModelStages.Most(network, loss, train);
        if (file.Spec.Cluster.Pipeline > most)
            problems.Add(file.Problem("spec.cluster.parallel.pipeline", $"is {file.Spec.Cluster.Pipeline}. It must be at most {most}: this model has {(most == 1 ? "no place" : most == 2 ? "one place" : $"{most - 1} places")} where one tensor alone goes from layers with parameters to others. Use {most}."));
    }

    private static List<SpecProblem> Warnings(JobFile file, Network network, int microBatches)
    {
        var (cluster, training) = (file.Spec.Cluster, file.Spec.Training);
        var warnings = new List<SpecProblem>();
        var (path, workers) = cluster.Processes > 0 ? ("spec.cluster.processes", cluster.Processes) : ("spec.cluster.workers", cluster.Workers);
        var crews = workers / Math.Max(1, cluster.Pipeline);
        if (cluster.Device == "ilgpu-cpu")
            warnings.Add(file.Problem("spec.cluster.device", $"is ilgpu-cpu, which runs the kernels of a GPU on the processor, thread by thread, to test them{(cluster.Pipeline > 1 ? $"; each of the {cluster.Pipeline} stages does" : "")}. Expect hundreds of times the time of cpu; use cpu or auto to train."));
        if (cluster.Pipeline > 1) PipelineWarnings(file, path, workers, warnings);
        if (cluster.Pipeline > 1 ? crews > microBatches : workers > microBatches)
            warnings.Add(file.Problem(path, $"is {workers}. A step has {microBatches} micro-batch{(microBatches == 1 ? "" : "es")}, so {workers - microBatches * cluster.Pipeline} of them idle. Use {microBatches * cluster.Pipeline}, or a larger spec.training.microBatches (which is part of the result)."));
        if (network.HasBatchStatistics && training.BatchSize / microBatches < 16)
            warnings.Add(file.Problem("spec.training.microBatches", $"is {microBatches}. Batch normalization then sees {training.BatchSize / microBatches} samples at a time; below 16 its statistics are noisy. Use {Math.Max(1, training.BatchSize / 32)} or a larger batch."));
        return warnings;
    }

    private static void PipelineWarnings(JobFile file, string path, int workers, List<SpecProblem> warnings)
    {
        var (stages, shards) = (file.Spec.Cluster.Pipeline, file.Spec.Cluster.Shards);
        if (shards < stages) warnings.Add(file.Problem("spec.cluster.shards", $"is {shards}. A pipeline of {stages} stages has at least one for each, so {stages} are used."));
        if (workers < stages) warnings.Add(file.Problem(path, $"is {workers}. A crew has a worker for each of {stages} stages; with fewer, some run several stages. Use {stages}, or a multiple of it."));
        else if (workers % stages > 0) warnings.Add(file.Problem(path, $"is {workers}. Crews have {stages} workers, so {workers % stages} of them stand{(workers % stages == 1 ? "s" : "")} by, to replace one that is lost. Use a multiple of {stages}."));
    }

    private static ResolvedJob Resolve(JobSpec spec, SpecComponents components, DataSplit data, Network network, int microBatches, ForeignWeights? foreign)
    {
        var loss = components.Loss!;
        var decides = WhatDecides(spec, microBatches);
        decides["trainSha256"] = data.Train.Identity.Sha256;
        decides["testSha256"] = data.Test.Identity.Sha256;
        if (foreign is not null) decides["initSha256"] = foreign.Sha256;
        decides["layoutSha256"] = ManifestFile.LayoutHash(network.Layout);
        return new ResolvedJob
        {
            Name = spec.Name,
            Identity = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(decides.ToJsonString()))),
            Document = SpecWriter.ToJson(spec).ToJsonString(),
            Data = data,
            Layout = Layout(network, Updater(spec, components)),
            MakeReplica = device => new Replica(network, loss, device, data.Train),
            MakeView = device => new LayerView(network, device),
            CutStages = stages => ModelStages.Cut(network, loss, data.Train, stages),
            Initialize = weights =>
            {
                network.Initialize(spec.Training.Seed, weights);
                foreign?.Fill(weights);
            },
            Diagnosis = spec.Diagnosis,
            Optimizer = Updater(spec, components),
            Loss = loss,
            EarlyStop = new EarlyStop(spec.Training.EarlyStopPatience, spec.Training.EarlyStopMinDelta, spec.Training.EarlyStopWatch == "testAccuracy" ? Watched.TestAccuracy : Watched.TestLoss),
            Schedule = components.Schedule!,
            LearningRate = components.Optimizer!.LearningRate,
            Epochs = spec.Training.Epochs,
            BatchSize = spec.Training.BatchSize,
            MicroBatches = microBatches,
            ClipNorm = spec.Training.ClipNorm,
            Seed = spec.Training.Seed,
            Sampling = spec.Training.Sampling switch { "replacement" => Sampling.Replacement, "bootstrap" => Sampling.Bootstrap, _ => Sampling.Permutation },
            EvaluateEvery = spec.Training.EvaluateEvery,
            OnNonFinite = spec.Training.OnNonFinite switch { "halt" => NonFinitePolicy.Halt, "rollback" => NonFinitePolicy.Rollback, _ => NonFinitePolicy.Skip },
        };
    }

    private static UpdateRules Rules(JobSpec spec, SpecComponents components) => new()
    {
        ClipValue = spec.Training.ClipValue, ClipTensorNorm = spec.Training.ClipTensorNorm, L1 = spec.Training.L1, L2 = spec.Training.L2, Parameters = components.ParameterRules,
    };

    private static Optimizer Updater(JobSpec spec, SpecComponents components) => components.Optimizer!.With(Rules(spec, components));

    private static ParameterLayout Layout(Network network, Optimizer optimizer) => optimizer.NeedsWholeVector ? network.Layout.KeepingVectorWhole() : optimizer.NeedsWholeTensors ? network.Layout.KeepingTensorsWhole() : network.Layout;

    private static RunOptions Options(JobSpec spec, int stepsPerEpoch) => new()
    {
        Workers = spec.Cluster.Workers,
        Shards = Math.Max(spec.Cluster.Shards, spec.Cluster.Pipeline),
        Pipeline = spec.Cluster.Pipeline,
        Processes = spec.Cluster.Processes,
        Device = spec.Cluster.Device,
        ComputeThreads = spec.Cluster.ComputeThreads,
        CheckpointFolder = spec.Checkpoint.Path,
        CheckpointEvery = EverySteps(spec.Checkpoint.Every, stepsPerEpoch),
        KeepLast = spec.Checkpoint.KeepLast,
        KeepBest = spec.Checkpoint.KeepBest switch { "testAccuracy" => KeepBest.TestAccuracy, "none" => KeepBest.None, _ => KeepBest.TestLoss },
    };

    /// <summary>"2epochs" and "500steps" in steps; "never" = 0.</summary>
    private static long EverySteps(string every, int stepsPerEpoch)
    {
        if (every == "never") return 0;
        var count = long.Parse(every.AsSpan(0, every.AsSpan().IndexOfAnyExceptInRange('0', '9')), System.Globalization.CultureInfo.InvariantCulture);
        return every.Contains("step", StringComparison.Ordinal) ? count : count * stepsPerEpoch;
    }
}
