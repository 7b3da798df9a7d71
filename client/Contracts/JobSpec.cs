using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;

namespace DistTrain.Contracts;

/// <summary>
/// A training job as a user writes it (YAML or JSON, apiVersion disttrain/v1, kind TrainingJob). Every property has its default, its range and its
/// description here and nowhere else: the reader, the JSON Schema and the overrides of the command follow from them.
/// </summary>
public sealed record JobSpec
{
    public const string ApiVersion = "disttrain/v1";
    public const string Kind = "TrainingJob";

    [SpecField("metadata.name", Required = true, Example = "mnist-lenet")]
    [Description("Lower-case letters, digits and dashes, at most 63; the run's folder is named after it.")]
    [RegularExpression("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    public string Name { get; init; } = "digits";

    [SpecField("spec.data"), Description("Which samples.")]
    public DataSpec Data { get; init; } = new();

    [SpecField("spec.model", Component = "model")]
    [Description("One named model, or a list of layers.")]
    public IReadOnlyList<ComponentSpec> Model { get; init; } = [new("lenet")];

    [SpecField("spec.init"), Description("Weights to begin with, instead of drawn ones.")]
    public InitSpec Init { get; init; } = new();

    [SpecField("spec.loss", Component = "loss"), Description("What is minimized.")]
    public ComponentSpec Loss { get; init; } = new("crossEntropy");

    [SpecField("spec.optimizer", Component = "optimizer"), Description("The update rule; its lr is the base rate of the schedule.")]
    public ComponentSpec Optimizer { get; init; } = new("adam");

    [SpecField("spec.schedule", Component = "schedule"), Description("Learning rate over the steps.")]
    public ComponentSpec Schedule { get; init; } = new("constant");

    [SpecField("spec.training"), Description("How long, in which portions, from which seed.")]
    public TrainingSpec Training { get; init; } = new();

    [SpecField("spec.cluster"), Description("Where it runs. Nothing here changes the result.")]
    public ClusterSpec Cluster { get; init; } = new();

    [SpecField("spec.checkpoint"), Description("What is kept on disk.")]
    public CheckpointSpec Checkpoint { get; init; } = new();

    [SpecField("spec.diagnosis"), Description("What is measured beside the loss, and what a verdict on the curves leads to.")]
    public DiagnosisSpec Diagnosis { get; init; } = new();
}

/// <summary>A component by name with its options: <c>relu</c>, <c>{linear: 10}</c> (one scalar: the first option), <c>{conv2d: {out: 6, kernel: 5}}</c>.</summary>
/// <param name="Name">As in [Named]; unknown names list the nearest match.</param>
/// <param name="Options">A JSON object of named options; or, under the key "", the one value given for the first option.</param>
public sealed record ComponentSpec(string Name, JsonObject? Options = null);

/// <summary>Which samples: the component that reads them and where.</summary>
public sealed record DataSpec
{
    [SpecField("format", Component = "data"), Description("What reads the samples: digits is built in; idx, cifar10, csv, text, images, imagePairs read files.")]
    public ComponentSpec Format { get; init; } = new("digits");

    [SpecField("path", Example = "data/mnist"), Description("Folder or file, resolved on the workers; empty for built-in data.")]
    public string Path { get; init; } = "";

    [SpecField("augment", Component = "augmentation"), Description("What each training image goes through, in order, drawn anew each epoch: [horizontalFlip, {crop: {padding: 4}}].")]
    public IReadOnlyList<ComponentSpec> Augment { get; init; } = [];

    [SpecField("transform", Component = "transform"), Description("What all samples' features go through, in order, fitted on the training set: [{oneHot: [3]}, {pca: 10}].")]
    public IReadOnlyList<ComponentSpec> Transform { get; init; } = [];

    [SpecField("prefetch"), AllowedValues("auto", "on", "off"), Description("Reads the next step's samples beside the compute threads; auto: where there are augmentations. Changes no bit.")]
    public string Prefetch { get; init; } = "auto";

    [SpecField("standardize"), Description("Subtract the training set's mean and divide by its standard deviation, after everything else.")]
    public bool Standardize { get; init; } = true;
}

public sealed record TrainingSpec
{
    [SpecField("epochs"), Description("Passes over the training set."), Range(1, 1_000_000)]
    public int Epochs { get; init; } = 3;

    [SpecField("batchSize"), Description("Samples of a step (the global batch), over all workers."), Range(1, 1 << 20)]
    public int BatchSize { get; init; } = 64;

    [SpecField("microBatches"), Range(0, 4096)]
    [Description("M, the parts a step is cut into; 0 = the largest power of two <= min(64, batch / 16) (batch / 32 with batch normalization), at least 1. Part of the result, unlike the number of workers.")]
    public int MicroBatches { get; init; }

    [SpecField("sampling"), AllowedValues("permutation", "replacement", "bootstrap")]
    [Description("permutation: each sample once an epoch, in a new order; replacement: every sample of a step is drawn from all; bootstrap: as many samples as there are, drawn once for the job, then permuted (bagging).")]
    public string Sampling { get; init; } = "permutation";

    [SpecField("clipNorm"), Description("Clip gradients by global norm; 0 = off."), Range(0.0, 1e30)]
    public double ClipNorm { get; init; }

    [SpecField("clipValue"), Description("Clip every gradient element to this absolute value; 0 = off."), Range(0.0, 1e30)]
    public double ClipValue { get; init; }

    [SpecField("clipTensorNorm"), Description("Clip the gradient of each tensor by its own norm; 0 = off. Shards then hold whole tensors."), Range(0.0, 1e30)]
    public double ClipTensorNorm { get; init; }

    [SpecField("l1"), Description("Adds l1 * sign(w) to gradients, after clipping; the loss that is reported stays without it."), Range(0.0, 1e6)]
    public double L1 { get; init; }

    [SpecField("l2"), Description("Adds l2 * w to gradients, after clipping; the loss that is reported stays without it."), Range(0.0, 1e6)]
    public double L2 { get; init; }

    [SpecField("parameters", Component = "parameterRule"), Description("Parameters with a rate of their own, or frozen, by name: [{freeze: \"0.*\"}, {rate: {match: \"6.*\", by: 10}}].")]
    public IReadOnlyList<ComponentSpec> Parameters { get; init; } = [];

    [SpecField("earlyStop.patience"), Description("Training ends after so many evaluations in a row that were not better than the best; 0 = never."), Range(0, int.MaxValue)]
    public int EarlyStopPatience { get; init; }

    [SpecField("earlyStop.minDelta"), Description("How much better counts as better."), Range(0.0, 1e6)]
    public double EarlyStopMinDelta { get; init; }

    [SpecField("earlyStop.watch"), Description("Which figure of an evaluation is watched."), AllowedValues("testLoss", "testAccuracy")]
    public string EarlyStopWatch { get; init; } = "testLoss";

    [SpecField("seed"), Description("Key of all randomness: initial weights, order of samples, dropout.")]
    public ulong Seed { get; init; } = 42;

    [SpecField("precision"), Description("Number format of weights and gradients."), AllowedValues("fp32")]
    public string Precision { get; init; } = "fp32";

    [SpecField("determinism"), Description("exact: the same bits for any workers, shards, joins and crashes."), AllowedValues("exact")]
    public string Determinism { get; init; } = "exact";

    [SpecField("evaluateEvery"), Description("Steps between evaluations; 0 = once an epoch."), Range(0, int.MaxValue)]
    public int EvaluateEvery { get; init; }

    [SpecField("onNonFinite"), Description("What to do with a step whose gradient has NaN or Inf."), AllowedValues("skip", "halt", "rollback")]
    public string OnNonFinite { get; init; } = "skip";
}

public sealed record ClusterSpec
{
    [SpecField("workers", UpperEnd = nameof(MaxWorkers)), Description("Workers to start with, or a range such as 2..8: the lower end starts, more may join."), Range(1, 1024)]
    public int Workers { get; init; } = 2;

    /// <summary>Workers that may take part; 0 = no bound was given.</summary>
    [SpecField("")]
    public int MaxWorkers { get; init; }

    [SpecField("shards"), Description("Parameter shards."), Range(1, 1024)]
    public int Shards { get; init; } = 2;

    [SpecField("processes"), Description("Worker processes of this machine; 0 = worker threads of one process."), Range(0, 256)]
    public int Processes { get; init; }

    [SpecField("computeThreads"), Description("Compute threads of one worker; 0 = cores / workers, at least 1."), Range(0, 1024)]
    public int ComputeThreads { get; init; }

    [SpecField("parallel.pipeline"), Description("Stages of a pipeline: the model's layers are cut into that many parts, each run by a worker of its own. 1: every worker runs the whole model."), Range(1, 256)]
    public int Pipeline { get; init; } = 1;

    [SpecField("parallel.tensor"), Description("Parts that single layers are cut into: always 1 in this release."), Range(1, 1)]
    public int TensorParallel { get; init; } = 1;

    [SpecField("device", Example = "auto, cpu or gpu:0"), Description("auto, cpu, gpu:0 (CUDA), opencl:0, or ilgpu-cpu, a slow simulator for tests."), RegularExpression("^(auto|cpu|ilgpu-cpu|(gpu|opencl):[0-9]{1,3})$")]
    public string Device { get; init; } = "auto";

    [SpecField("consistency"), Description("bsp: every step waits for all of its micro-batches."), AllowedValues("bsp")]
    public string Consistency { get; init; } = "bsp";

    [SpecField("compression"), Description("How gradients are packed."), AllowedValues("none")]
    public string Compression { get; init; } = "none";
}

public sealed record CheckpointSpec
{
    [SpecField("path", Example = "runs/mnist/checkpoints"), Description("Folder of the run's checkpoints; empty = runs/<name>/checkpoints.")]
    public string Path { get; init; } = "";

    [SpecField("every", Example = "1epoch, 500steps or never"), Description("\"1epoch\", \"500steps\" or \"never\"; a last checkpoint is always written.")]
    [RegularExpression("^([1-9][0-9]{0,8}(epochs?|steps?)|never)$")]
    public string Every { get; init; } = "1epoch";

    [SpecField("keep.last"), Description("How many of the newest to keep, beside the best."), Range(1, 100_000)]
    public int KeepLast { get; init; } = 3;

    [SpecField("keep.best"), Description("By which figure of an evaluation the best is chosen."), AllowedValues("testLoss", "testAccuracy", "none")]
    public string KeepBest { get; init; } = "testLoss";
}
