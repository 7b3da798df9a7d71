using DistTrain.Training.Specs;

namespace DistTrain.Tests.Specs;

public sealed class JobPlannerTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(31, 1)]
    [InlineData(32, 2)]
    [InlineData(63, 2)]
    [InlineData(64, 4)]
    [InlineData(128, 8)]
    [InlineData(1023, 32)]
    [InlineData(1024, 64)]
    [InlineData(2000, 64)]
    public void M_is_the_largest_power_of_two_up_to_a_16th_of_the_batch_and_64(int batchSize, int microBatches) =>
        Assert.Equal(microBatches, Plan("data.format={digits: {train: 2000, test: 10}}", $"training.batchSize={batchSize}", "model=softmaxRegression").Job.MicroBatches);

    [Theory]
    [InlineData(63, 1)]
    [InlineData(64, 2)]
    [InlineData(256, 8)]
    public void With_batch_normalization_M_is_up_to_a_32nd(int batchSize, int microBatches) =>
        Assert.Equal(microBatches, Plan($"training.batchSize={batchSize}", "model=[{conv2d: {out: 4, kernel: 3}}, batchNorm, relu, flatten, {linear: 10}]").Job.MicroBatches);

    [Fact]
    public void An_M_of_the_spec_stands() => Assert.Equal(5, Plan("training.microBatches=5").Job.MicroBatches);

    [Fact]
    public void What_a_job_is_does_not_depend_on_where_it_runs()
    {
        var identity = Plan().Job.Identity;
        Assert.Matches("^[0-9a-f]{64}$", identity);
        Assert.Equal(identity, Plan("cluster.workers=5", "cluster.shards=1", "cluster.processes=3", "checkpoint.every=never", "name=other").Job.Identity);
        Assert.Equal(identity, Plan("training.microBatches=4").Job.Identity);
        foreach (var change in new[] { "training.seed=1", "training.epochs=4", "training.batchSize=32", "training.microBatches=8", "training.clipNorm=1", "optimizer.lr=0.002", "optimizer=adamw", "model=mlp", "data.standardize=false", "data.format={digits: {train: 300}}", "schedule=cosine" })
            Assert.NotEqual(identity, Plan(change).Job.Identity);
    }

    [Fact]
    public void A_worker_process_resolves_the_same_job_from_its_document()
    {
        var plan = Plan("training.clipNorm=1.5", "training.seed=9", "optimizer={momentum: {lr: 0.1}}");
        var again = JobPlanner.FromDocument(plan.Job.Document);
        Assert.Equal((plan.Job.Identity, plan.Job.LearningRate, plan.Job.ClipNorm), (again.Identity, again.LearningRate, again.ClipNorm));
        var (first, second) = (new float[plan.Job.Layout.Length], new float[plan.Job.Layout.Length]);
        plan.Job.Initialize(first);
        again.Initialize(second);
        Assert.Equal(first, second);
    }

    [Theory]
    [InlineData("1epoch", 4)]
    [InlineData("2epochs", 8)]
    [InlineData("500steps", 500)]
    [InlineData("1step", 1)]
    [InlineData("never", 0)]
    public void Checkpoint_intervals_are_in_steps(string every, long steps) => Assert.Equal(steps, Plan($"checkpoint.every={every}").Options.CheckpointEvery);

    [Fact]
    public void Problems_with_data_and_shapes_come_together()
    {
        var error = Assert.Throws<SpecException>(() => Plan("training.batchSize=500", "training.microBatches=600", "cluster.shards=1000"));
        Assert.Equal(["spec.training.batchSize", "spec.training.microBatches", "spec.cluster.shards"], error.Problems.Select(p => p.Path));
        Assert.Equal("--set cluster.shards=1000: spec.cluster.shards is 1000. It must be at most 24, the blocks of this model's 61,706 parameters. Use fewer shards.", error.Problems[2].ToString());
    }

    [Fact]
    public void Small_groups_of_batch_normalization_are_a_warning()
    {
        var plan = Plan("training.microBatches=8", "model=[{conv2d: {out: 4, kernel: 3}}, batchNorm, relu, flatten, {linear: 10}]");
        Assert.Equal("--set training.microBatches=8: spec.training.microBatches is 8. Batch normalization then sees 8 samples at a time; below 16 its statistics are noisy. Use 2 or a larger batch.", Assert.Single(plan.Warnings).ToString());
    }

    [Theory]
    [InlineData("spec.model", "model=[flatten, {linear: 10}, softmax]")]
    [InlineData("spec.model", "model=[flatten, {linear: 10}, logSoftmax]")]
    [InlineData("spec.loss.ignoreIndex", "loss={crossEntropy: {ignoreIndex: 77}}")]
    [InlineData("spec.schedule.warmupSteps", "schedule={cosine: {warmupSteps: 100000}}")]
    [InlineData("spec.schedule.warmupSteps", "schedule={constant: 12}")]
    [InlineData("spec.schedule.warmupSteps", "schedule=inverseRoot")]
    [InlineData("spec.schedule.milestones", "schedule={multiStep: {milestones: [1, 3]}}")]
    [InlineData("spec.schedule.milestones", "schedule={multiStep: {milestones: [2, 1]}}")]
    [InlineData("spec.optimizer.muStart", "optimizer={momentum: {mu: 0.5, muStart: 0.9}}")]
    [InlineData("spec.optimizer.muStart", "optimizer={nesterov: {muStart: 0.95}}")]
    [InlineData("spec.optimizer.dampening", "optimizer={momentum: {dampening: 1}}")]
    public void What_is_allowed_and_likely_not_meant_is_a_warning(string path, string set) =>
        Assert.Equal(path, Assert.Single(Plan("training.epochs=3", "training.batchSize=64", set).Warnings).Path);

    [Theory]
    [InlineData("model=[flatten, {linear: 10}, softmax]", "loss=multiclassHinge")]
    [InlineData("loss={crossEntropy: {ignoreIndex: 9}}")]
    [InlineData("loss={crossEntropy: 0.1}")]
    [InlineData("schedule={constant: 11}")]
    [InlineData("schedule={multiStep: {milestones: [1, 2]}}")]
    [InlineData("schedule={multiStep: {warmupSteps: 3}}")]
    [InlineData("optimizer={momentum: {mu: 0.9, muStart: 0.5, dampening: 0.9}}")]
    public void What_is_meant_is_none(params string[] set) => Assert.Empty(Plan([.. set, "training.epochs=3", "training.batchSize=64"]).Warnings);

    [Fact]
    public void Warnings_say_what_happens_and_what_to_do()
    {
        var plan = Plan("training.epochs=1", "training.batchSize=64", "schedule={multiStep: {milestones: [50, 20]}}");
        Assert.Equal(["--set schedule={multiStep: {milestones: [50, 20]}}: spec.schedule.milestones has 50, 20, and the job has 1 epoch, counted from 0: the rate does not drop there. Use epochs below 1.",
            "--set schedule={multiStep: {milestones: [50, 20]}}: spec.schedule.milestones is 50, 20, not ascending. The rate drops at each of them, whatever their order. Write them in the order in which they come."], plan.Warnings.Select(w => w.ToString()));
    }

    private static PlannedJob Plan(params string[] overrides) =>
        JobPlanner.Plan(JobFile.BuiltIn([.. overrides.Prepend("data.format={digits: {train: 256, test: 10}}").Select(SpecOverride.Parse)]));
}
