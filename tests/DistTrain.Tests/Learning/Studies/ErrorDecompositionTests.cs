using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Learning.Studies;

public sealed class ErrorDecompositionTests
{
    [Fact]
    public void Bias_and_variance_of_four_models_are_those_of_numpy_and_add_up_to_the_error()
    {
        var found = ErrorDecomposition.Of([[1, 2, 3.5], [1.5, 1, 3], [0.5, 2.5, 4], [1, 2, 2.5]], [1, 1.5, 3]);
        Assert.Equal(-0.013888888888888895, found.BiasSquared, 1e-12);
        Assert.Equal(0.3263888888888889, found.Variance, 1e-12);
        Assert.Equal(0.3125, found.Error, 1e-12);
    }

    // For a fixed design the fit is linear in the targets, f = H·y: bias² = |H·sin(πx) - sin(πx_test)|², variance = σ²·Σ H², means over the test points (numpy.linalg.pinv).
    [Theory]
    [InlineData(1, 0.20752740447207446, 0.008653679653679653)]
    [InlineData(3, 0.0052609612178596945, 0.016305781940861436)]
    public void Polynomials_that_are_trained_on_new_noise_have_the_bias_and_variance_of_the_closed_form(int degree, double bias, double variance)
    {
        const int Members = 64;
        var plans = Enumerable.Range(1, Members).Select(seed => JobPlanner.Plan(Job(degree, seed), shardsMatter: false).Job).ToArray();
        var jobs = plans.Select(p => p with { Data = p.Data with { Test = plans[0].Data.Test } }).ToArray();
        var (targets, outputs) = RepeatedTraining.Targets(plans[0].Data.Test);
        Assert.Equal((100, 1), (targets.Length, outputs));
        var found = ErrorDecomposition.Of(RepeatedTraining.Predictions(jobs, threads: 2), targets);
        // Estimates of 64 draws: the variance's own deviation is about √(2 / (64·(degree + 1))) of it, bias² moves by about twice √(bias²·variance / 64).
        Assert.InRange(found.Variance, variance * 0.6, variance * 1.5);
        Assert.Equal(bias, found.BiasSquared, 4 * Math.Sqrt(bias * variance / Members) + 3 * variance / Members);
        Assert.Equal(found.Error, found.BiasSquared + found.Variance, 1e-12);
    }

    [Fact]
    public void Members_over_bootstrap_samples_are_the_least_squares_fits_of_those_samples()
    {
        var plan = JobPlanner.Plan(Job(3, 1), shardsMatter: false);
        var jobs = Enumerable.Range(10, 4).Select(seed => plan.Job with { Seed = (ulong)seed, Sampling = Sampling.Bootstrap }).ToArray();
        var predictions = RepeatedTraining.Predictions(jobs, threads: 1);
        var (train, test) = (plan.Job.Data.Train, plan.Job.Data.Test);
        for (var m = 0; m < jobs.Length; m++)
        {
            var order = new SampleOrder(Sampling.Bootstrap, jobs[m].Seed, 0, train.Count);
            var drawn = Enumerable.Range(0, train.Count).Select(place => Sample(train, order[place])).ToArray();
            var weights = ExactSolution.LeastSquares([.. drawn.Select(d => d.X)], [.. drawn.Select(d => new[] { d.Y })], 1e-6)!;
            Assert.True(Enumerable.Range(0, train.Count).Select(place => order[place]).Distinct().Count() < train.Count);
            for (var i = 0; i < test.Count; i++) Assert.Equal(ExactSolution.Score(Sample(test, i).X, weights[0]), predictions[m][i], 5e-3);
        }
        // Threads change nothing.
        Assert.Equal(predictions.SelectMany(p => p), RepeatedTraining.Predictions(jobs, threads: 3).SelectMany(p => p));
    }

    private static (double[] X, double Y) Sample(Dataset data, int index)
    {
        var (input, target) = (new float[data.InputShape.Length], new int[1]);
        data.Read(index, input, target);
        return (Array.ConvertAll(input, v => (double)v), BitConverter.Int32BitsToSingle(target[0]));
    }

    private static JobFile Job(int degree, int seed) => JobFile.Parse(System.Text.Encoding.UTF8.GetBytes($$"""
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: curve }
        spec:
          data: { format: { curve: { form: sine, train: 20, test: 100, noise: 0.3 } }, transform: [ { polynomial: { degree: {{degree}} } } ], standardize: true }
          model: linearRegression
          loss: mse
          optimizer: { lbfgs: { lr: 1.0, history: 20 } }
          training: { epochs: 80, batchSize: 20, microBatches: 1, l2: 1e-6, seed: {{seed}}, evaluateEvery: 80 }
        """), "job.yaml");
}
