using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class LocalTrainerTests
{
    [Theory]
    [InlineData("mlp")]
    [InlineData("convnet")]
    public void It_learns_and_its_bits_do_not_depend_on_the_body_of_the_kernels(string model)
    {
        var job = SameBitsTests.Job(model, "adam", 0.5) with { Epochs = 6 };
        var results = Enum.GetValues<InstructionSet>().Select(set => new LocalTrainer(job, new CpuDevice(1, set)).Run()).ToList();
        Assert.All(results, r => Assert.True(r.TestAccuracy > 0.9, $"accuracy {r.TestAccuracy}"));
        Assert.Single(results.Select(r => (r.WeightsSha256, r.StateSha256, r.LossLogSha256)).Distinct());
    }

    [Fact]
    public void Every_seed_gives_other_bits()
    {
        var job = TestJobs.Mlp(epochs: 1);
        Assert.NotEqual(new LocalTrainer(job).Run().WeightsSha256, new LocalTrainer(job with { Seed = 8 }).Run().WeightsSha256);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_is_skipped_or_halts()
    {
        var job = TestJobs.Mlp(epochs: 1) with { Initialize = weights => weights.Fill(float.NaN) };
        var skipped = new LocalTrainer(job).Run();
        Assert.Equal((TrainingStatus.Completed, 5), (skipped.Status, skipped.Steps));
        var halted = new LocalTrainer(job with { OnNonFinite = Protocol.NonFinitePolicy.Halt }).Run();
        Assert.Equal(TrainingStatus.Failed, halted.Status);
        Assert.Contains("step 0 is not finite", halted.Error, StringComparison.Ordinal);
    }
}
