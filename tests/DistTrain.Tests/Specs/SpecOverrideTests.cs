using System.Text;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Specs;

public sealed class SpecOverrideTests
{
    private const string Job = """
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: probe }
        spec:
          model: [ { conv2d: { out: 6, kernel: 5 } }, relu, { linear: 10 } ]
          optimizer: { momentum: { lr: 0.1, mu: 0.9 } }
          training: { epochs: 5 }
        """;

    [Fact]
    public void Overrides_change_fields_options_and_whole_components()
    {
        var spec = Read("training.epochs=2", "spec.training.batchSize=32", "optimizer.lr=0.01", "optimizer.momentum.weightDecay=0.5", "model.0.out=12",
            "schedule={cosine: {warmupSteps: 5}}", "cluster.workers=1..4", "checkpoint.keep.last=9", "name=other", "data.path=").Spec;
        Assert.Equal((2, 32, "other", "", 9), (spec.Training.Epochs, spec.Training.BatchSize, spec.Name, spec.Data.Path, spec.Checkpoint.KeepLast));
        Assert.Equal("""{"lr":0.01,"mu":0.9,"weightDecay":0.5}""", spec.Optimizer.Options!.ToJsonString());
        Assert.Equal("""{"out":12,"kernel":5}""", spec.Model[0].Options!.ToJsonString());
        Assert.Equal("""{"warmupSteps":5}""", spec.Schedule.Options!.ToJsonString());
        Assert.Equal((1, 4), (spec.Cluster.Workers, spec.Cluster.MaxWorkers));
    }

    [Fact]
    public void The_last_of_two_overrides_wins_and_a_new_optimizer_forgets_the_old_options()
    {
        var spec = Read("optimizer=adam", "optimizer.lr=1", "optimizer.lr=0.5").Spec;
        Assert.Equal(("adam", """{"lr":0.5}"""), (spec.Optimizer.Name, spec.Optimizer.Options!.ToJsonString()));
    }

    [Fact]
    public void The_built_in_job_takes_overrides_of_options_it_does_not_write_out()
    {
        var spec = JobFile.BuiltIn(SpecOverride.Parse("optimizer.lr=0.02")).Spec;
        Assert.Equal((new JobSpec().Optimizer.Name, """{"lr":0.02}"""), (spec.Optimizer.Name, spec.Optimizer.Options!.ToJsonString()));
    }

    [Theory]
    [InlineData("training.epochs=abc", "--set training.epochs=abc: spec.training.epochs is abc. It must be a whole number from 1 to 1000000.")]
    [InlineData("training.epochs=", "--set training.epochs=: spec.training.epochs is empty. It must be a whole number from 1 to 1000000.")]
    [InlineData("training.epoch=3", "--set training.epoch=3: spec.training.epoch is not a field of a job. Did you mean epochs? spec.training has epochs, batchSize, microBatches, sampling, clipNorm, clipValue, clipTensorNorm, l1, l2, parameters, earlyStop, seed, precision, determinism, evaluateEvery, onNonFinite.")]
    [InlineData("training.epochs.x=3", "--set training.epochs.x=3: spec.training.epochs has no fields of its own. Set training.epochs itself.")]
    [InlineData("model.7.out=3", "--set model.7.out=3: spec.model is a list of 3. Name an item by number and an option, such as model.0.out.")]
    [InlineData("model.2.out=3", "--set model.2.out=3: spec.model is not written as a name with named options, so no option can be set in it. Write it as {name: {option: value}} or set it whole.")]
    [InlineData("training", "--set training: It must be path=value, such as optimizer.lr=0.01.")]
    [InlineData("training=5", "--set training=5: spec.training is 5. It must be a mapping with epochs, batchSize, microBatches, sampling, clipNorm, clipValue, clipTensorNorm, l1, l2, parameters, earlyStop, seed, precision, determinism, evaluateEvery, onNonFinite.")]
    public void A_wrong_override_is_named_as_it_was_typed(string text, string problem) =>
        Assert.Equal([problem], Assert.Throws<SpecException>(() => Read(text)).Problems.Select(p => p.ToString()));

    [Fact]
    public void A_wrong_override_and_a_wrong_file_are_reported_together()
    {
        var error = Assert.Throws<SpecException>(() => JobFile.Parse(Encoding.UTF8.GetBytes(Job.Replace("epochs: 5", "epochs: -5", StringComparison.Ordinal)), "job.yaml", false, SpecOverride.Parse("cluster.shards=0")));
        Assert.Equal(["job.yaml:7:23: spec.training.epochs is -5. It must be a whole number from 1 to 1000000.", "--set cluster.shards=0: spec.cluster.shards is 0. It must be a whole number from 1 to 1024."], error.Problems.Select(p => p.ToString()));
    }

    private static JobFile Read(params string[] overrides) => JobFile.Parse(Encoding.UTF8.GetBytes(Job), "job.yaml", false, [.. overrides.Select(SpecOverride.Parse)]);
}
