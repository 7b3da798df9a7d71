using System.Text;
using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Client;

/// <summary>What the builder makes is the spec that a job file would be.</summary>
public sealed class JobBuilderTests
{
    [Fact]
    public void A_built_spec_reads_back_as_the_job_file_that_says_the_same()
    {
        JobSpec built = new JobBuilder("mnist-lenet")
            .Data("idx", "data/mnist")
            .Model(layers => layers.Add("conv2d", ("out", 6), ("kernel", 5), ("padding", 2)).Add("relu").Add("maxPool2d", 2).Add("flatten").Add("linear", 10))
            .Optimizer("adam", ("lr", 2e-3)).Schedule("cosine", ("warmupSteps", 200))
            .Epochs(5).BatchSize(128).ClipNorm(1).Seed(7).Workers(2, most: 8).Shards(3)
            .Training(t => t with { EvaluateEvery = 100 }).Checkpoints(c => c with { Every = "500steps", KeepLast = 2 });
        var file = """
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: mnist-lenet }
            spec:
              data: { format: idx, path: data/mnist }
              model: [ { conv2d: { out: 6, kernel: 5, padding: 2 } }, relu, { maxPool2d: 2 }, flatten, { linear: 10 } ]
              optimizer: { adam: { lr: 2e-3 } }
              schedule: { cosine: { warmupSteps: 200 } }
              training: { epochs: 5, batchSize: 128, clipNorm: 1.0, seed: 7, evaluateEvery: 100 }
              cluster: { workers: 2..8, shards: 3 }
              checkpoint: { every: 500steps, keep: { last: 2 } }
            """;
        Assert.Equal(SpecWriter.ToYaml(JobFile.Parse(Encoding.UTF8.GetBytes(file), "file").Spec), SpecWriter.ToYaml(Read(built)));
    }

    [Fact]
    public void Every_field_that_a_spec_has_is_written_where_the_reader_looks_for_it()
    {
        var changed = new JobSpec
        {
            Name = "all", Data = new DataSpec { Standardize = false }, Model = [new ComponentSpec("mlp")], Optimizer = new ComponentSpec("sgd"),
            Training = new TrainingSpec { Epochs = 9, BatchSize = 32, MicroBatches = 4, ClipNorm = 2.5, Seed = ulong.MaxValue, EvaluateEvery = 3, OnNonFinite = "halt" },
            Cluster = new ClusterSpec { Workers = 3, MaxWorkers = 5, Shards = 1, Processes = 2, ComputeThreads = 1, Device = "cpu" },
            Checkpoint = new CheckpointSpec { Path = "x/y", Every = "never", KeepLast = 7, KeepBest = "none" },
        };
        Assert.Equal(SpecWriter.ToYaml(changed), SpecWriter.ToYaml(Read(changed)));
        Assert.Equal(SpecWriter.ToYaml(new JobSpec { Name = "bare" }), SpecWriter.ToYaml(Read(new JobBuilder("bare"))));
    }

    private static JobSpec Read(JobSpec spec) => JobFile.Parse(Encoding.UTF8.GetBytes(SpecText.Of(spec)), "built", json: true).Spec;
}
