using DistTrain.Contracts;
using DistTrain.Diagnosis;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Diagnosis;

/// <summary>Curves of ten real runs on MNIST (PyTorch, batch 64, losses in evaluation mode on 1000 samples each).</summary>
public sealed class RealCurveTests
{
    [Theory]
    [InlineData("healthy_lenet_early", VerdictNames.Learning)]
    [InlineData("overfit_mlp_few_samples", VerdictNames.Overfitting)]
    [InlineData("overfit_noisy_labels_mlp", VerdictNames.Overfitting)]
    [InlineData("converged_linear", VerdictNames.Converged)]
    // The learning rate is 100 times too high.
    [InlineData("rate_100x_lenet", VerdictNames.LearningRateTooHigh)]
    [InlineData("rate_100x_mlp_sgd", VerdictNames.LearningRateTooHigh)]
    // It half learns, then both losses rise by a sixth through noise as large (train 1.36 to 1.6 from step 260 on), which the last third alone does not show.
    [InlineData("rate_100x_mlp_adam", VerdictNames.WrongSetup)]
    [InlineData("rate_tiny_mlp", VerdictNames.Bottleneck)]
    // Eight sigmoid layers that do not leave chance.
    [InlineData("sigmoid_deep_stuck", VerdictNames.Bottleneck)]
    // Steps up the gradient in place of down.
    [InlineData("ascent_mlp", VerdictNames.Diverged)]
    public void The_verdict_on_a_real_run_is(string run, string verdict) => Assert.Equal(verdict, LossDiagnosis.Of(Read(run)).Name);

    [Theory]
    [InlineData("overfit_mlp_few_samples", 500, 1500)]
    [InlineData("overfit_noisy_labels_mlp", 800, 2000)]
    public void Over_fitting_stays_the_verdict_as_the_run_goes_on(string run, long from, long to)
    {
        var curves = Read(run);
        for (var end = from; end <= to; end += 100)
            Assert.Equal(VerdictNames.Overfitting, LossDiagnosis.Of(new TrainingCurves { TrainLoss = curves.TrainLoss.Between(0, end), TestLoss = curves.TestLoss.Between(0, end) }).Name);
    }

    private static TrainingCurves Read(string run)
    {
        using var reader = new StreamReader(Path.Combine(Repository.Root, "tests/DistTrain.Tests/Diagnosis/Curves", run + ".csv"));
        return CurveFile.Read(reader);
    }
}
