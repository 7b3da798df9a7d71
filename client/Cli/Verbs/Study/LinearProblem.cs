using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>An exact answer in figures: of the minimum, and of a run where there is one.</summary>
/// <param name="Problem">What was solved, in a line.</param>
internal sealed record ExactAnswer(string Problem, IReadOnlyList<(string Name, double Exact, double? Run)> Figures);

/// <summary>A job whose model is linear in its weights (or a linear autoencoder), its data in memory.</summary>
internal sealed class LinearProblem
{
    private readonly PlannedJob _plan;
    private readonly List<double[]> _train = [];
    private readonly List<double[]> _test = [];
    private readonly List<double[]> _trainTargets = [];
    private readonly List<double[]> _testTargets = [];

    private LinearProblem(PlannedJob plan)
    {
        _plan = plan;
        Read(plan.Job.Data.Train, _train, _trainTargets);
        Read(plan.Job.Data.Test, _test, _testTargets);
    }

    /// <exception cref="CommandException">The job has no answer of this kind.</exception>
    public static LinearProblem Of(PlannedJob plan, int mostFeatures)
    {
        var (spec, wrong) = (plan.Spec, new List<string>());
        var layers = plan.Network.Parameters.Where(p => p.Kind == SliceKind.Parameter).ToArray();
        var isPca = spec.Model is [{ Name: "pca" }];
        if (!isPca && (layers is not [{ Shape.Rank: 2 }, { Shape.Rank: 1 }] || plan.Network.Layers.Any(l => l.Kind is not ("linear" or "flatten"))))
            wrong.Add($"the model is {string.Join(", ", spec.Model.Select(c => c.Name))}. It must be one linear layer with a bias (linearRegression, svm, or {{linear: 1}}), or pca.");
        if (isPca ? spec.Loss.Name != "reconstruction" : spec.Loss.Name is not ("mse" or "hinge")) wrong.Add($"the loss is {spec.Loss.Name}. It must be {(isPca ? "reconstruction" : "mse or hinge")}: others have no answer without steps.");
        if (spec.Loss.Options is { Count: > 0 }) wrong.Add("the loss has options. Leave them at their defaults.");
        if (spec.Loss.Name == "hinge" && spec.Training.L2 <= 0) wrong.Add("spec.training.l2 is 0. It must be above 0 with hinge: it is the margin's weight.");
        if (spec.Training.L1 > 0) wrong.Add($"spec.training.l1 is {spec.Training.L1.ToString(CultureInfo.InvariantCulture)}. It must be 0: the lasso has no closed form.");
        if (isPca && spec.Training.L2 > 0) wrong.Add("spec.training.l2 is above 0. It must be 0 with pca.");
        if (spec.Optimizer.Options?["weightDecay"] is not null) wrong.Add("the optimizer has a weightDecay. Use spec.training.l2 in its place, which is a part of what is minimized for every optimizer.");
        if (spec.Training.Sampling != "permutation") wrong.Add($"spec.training.sampling is {spec.Training.Sampling}. It must be permutation: another draw is another problem.");
        if (plan.Network.Input.Length > mostFeatures) wrong.Add($"a sample has {plan.Network.Input.Length} features. It must have at most {mostFeatures} to be solved at once.");
        return wrong.Count == 0 ? new LinearProblem(plan) : throw new CommandException(ExitCode.Usage, string.Join("\n", wrong));
    }

    /// <param name="trained">A run's weights; null without one.</param>
    public ExactAnswer Solve(float[]? trained) => _plan.Spec.Loss.Name switch { "hinge" => Machine(trained), "reconstruction" => Components(trained), _ => Squares(trained) };

    private ExactAnswer Squares(float[]? trained)
    {
        var l2 = _plan.Spec.Training.L2;
        var exact = ExactSolution.LeastSquares(_train, _trainTargets, l2) ?? throw new CommandException(ExitCode.Usage, "the features are not independent of each other, so many weights fit equally well. Set spec.training.l2 above 0.");
        var run = trained is null ? null : Trained(trained);
        double Error(double[][] w, List<double[]> rows, List<double[]> targets) => rows.Select((row, n) => Enumerable.Range(0, w.Length).Sum(t => Math.Pow(ExactSolution.Score(row, w[t]) - targets[n][t], 2))).Average() / w.Length;
        return new ExactAnswer($"{(l2 > 0 ? $"ridge regression, l2 {l2.ToString(CultureInfo.InvariantCulture)}" : "least squares")}: {_train.Count} samples, {_train[0].Length} features, {exact.Length} target{(exact.Length == 1 ? "" : "s")}",
        [
            ("objective", Error(exact, _train, _trainTargets) + Penalty(exact, l2), run is null ? null : Error(run, _train, _trainTargets) + Penalty(run, l2)),
            ("trainLoss", Error(exact, _train, _trainTargets), run is null ? null : Error(run, _train, _trainTargets)),
            ("testLoss", Error(exact, _test, _testTargets), run is null ? null : Error(run, _test, _testTargets)),
            ("weightDistance", 0, run is null ? null : Distance(exact, run)),
        ]);
    }

    private ExactAnswer Machine(float[]? trained)
    {
        var (l2, signs) = (_plan.Spec.Training.L2, _trainTargets.Select(t => t[0] > 0 ? 1 : -1).ToArray());
        var (weights, support, gap) = ExactSolution.SupportVectors(_train, signs, l2);
        double[][] exact = [weights];
        var run = trained is null ? null : Trained(trained);
        double Lost(double[][] w, List<double[]> rows, List<double[]> targets) => rows.Select((row, n) => Math.Max(0, 1 - (targets[n][0] > 0 ? 1 : -1) * ExactSolution.Score(row, w[0]))).Average();
        double Right(double[][] w) => _test.Select((row, n) => ExactSolution.Score(row, w[0]) > 0 == _testTargets[n][0] > 0 ? 1.0 : 0).Average();
        return new ExactAnswer($"support vector machine, l2 {l2.ToString(CultureInfo.InvariantCulture)}: {_train.Count} samples, {_train[0].Length} features",
        [
            ("objective", Lost(exact, _train, _trainTargets) + Penalty(exact, l2), run is null ? null : Lost(run, _train, _trainTargets) + Penalty(run, l2)),
            ("trainLoss", Lost(exact, _train, _trainTargets), run is null ? null : Lost(run, _train, _trainTargets)),
            ("testLoss", Lost(exact, _test, _testTargets), run is null ? null : Lost(run, _test, _testTargets)),
            ("testAccuracy", Right(exact), run is null ? null : Right(run)),
            ("supportShare", support, null),
            ("dualityGap", gap, null),
            ("weightDistance", 0, run is null ? null : Distance(exact, run)),
        ]);
    }

    private ExactAnswer Components(float[]? trained)
    {
        var kept = _plan.Network.Parameters[0].Shape[0];
        if (kept > _train[0].Length) throw new CommandException(ExitCode.Usage, $"components is {kept}. It must be at most {_train[0].Length}, the features.");
        var (_, values, vectors) = ExactSolution.PrincipalComponents(_train);
        double? loss = null, cosine = null;
        if (trained is not null)
        {
            var (encoder, decoder, bias) = (Matrix(trained, _plan.Network.Parameters[0]), Matrix(trained, _plan.Network.Parameters[1]), Matrix(trained, _plan.Network.Parameters[2]));
            loss = _train.Average(row =>
            {
                var code = encoder.Select(e => Dot(e, row)).ToArray();
                return row.Select((x, i) => Math.Pow(Dot(decoder[i], code) + bias[0][i] - x, 2)).Sum() / row.Length;
            });
            cosine = ExactSolution.SubspaceCosine([.. Enumerable.Range(0, kept).Select(k => decoder.Select(row => row[k]).ToArray())], vectors[..kept]);
        }
        return new ExactAnswer($"principal components: {kept} of {_train[0].Length}, {_train.Count} samples, {(values[..kept].Sum() / values.Sum()).ToString("P2", CultureInfo.InvariantCulture)} of the variance",
        [
            ("trainLoss", values[kept..].Sum() / values.Length, loss), ("subspaceCosine", 1, cosine),
            .. values[..Math.Min(kept, 10)].Select((value, i) => ($"eigenvalue{i + 1}", value, (double?)null)),
        ]);
    }

    // The linear layer's weights, each output's bias behind them.
    private double[][] Trained(float[] vector)
    {
        var (weights, bias) = (Matrix(vector, _plan.Network.Parameters[0]), Matrix(vector, _plan.Network.Parameters[1]));
        return [.. weights.Select((row, t) => (double[])[.. row, bias[0][t]])];
    }

    private static double[][] Matrix(float[] vector, Parameter parameter)
    {
        var width = parameter.Shape[-1];
        return [.. Enumerable.Range(0, parameter.Shape.Length / width).Select(r => Array.ConvertAll(vector[(parameter.Slice.Offset + r * width)..(parameter.Slice.Offset + (r + 1) * width)], v => (double)v))];
    }

    private static void Read(Dataset data, List<double[]> rows, List<double[]> targets)
    {
        var (input, target) = (new float[data.InputShape.Length], new int[data.TargetShape.Length]);
        for (var i = 0; i < data.Count; i++)
        {
            data.Read(i, input, target);
            rows.Add(Array.ConvertAll(input, v => (double)v));
            targets.Add(Array.ConvertAll(target, t => data.TargetKind == TargetKind.Labels ? t : (double)BitConverter.Int32BitsToSingle(t)));
        }
    }

    private static double Penalty(double[][] weights, double l2) => 0.5 * l2 * weights.Sum(w => w.Sum(x => x * x));

    private static double Distance(double[][] exact, double[][] run) =>
        Math.Sqrt(exact.Zip(run, (a, b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum()).Sum() / Math.Max(1e-30, exact.Sum(w => w.Sum(x => x * x))));

    private static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();
}
