using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>The same job as a plain loop: no machines, no leases, no shards; what a run must equal bit for bit.</summary>
internal sealed class Oracle
{
    private readonly Scenario _scenario;
    private readonly JobPlan _plan;
    private readonly Arithmetic _arithmetic;
    private readonly IReadOnlyList<Control> _controls;
    private readonly SimulatedRule _rule = new();
    private readonly float[] _gradient;

    internal float[] Weights { get; }
    internal float[] Momentum { get; }
    internal LogDigest Log { get; private set; }
    internal List<LogEntry> Records { get; } = [];
    internal long Version { get; private set; }

    /// <summary>Where the last state is not reached because a step stays non-finite.</summary>
    internal bool Diverged { get; private set; }

    internal Oracle(Scenario scenario, IReadOnlyList<Control> controls)
    {
        (_scenario, _plan, _arithmetic, _controls) = (scenario, scenario.Plan, new Arithmetic(scenario), controls);
        (Weights, Momentum) = (new float[scenario.Elements], new float[scenario.Elements]);
        for (var k = 0; k < Weights.Length; k++) Weights[k] = _arithmetic.InitialWeight(k);
        _gradient = new float[_arithmetic.GradientLength];
    }

    internal void Run(long steps)
    {
        var updates = 0L;
        Span<float> scalars = stackalloc float[StepScalars.Capacity];
        while (Version < steps && !Diverged)
        {
            var cut = _plan.Cut(Version);
            Array.Copy(Fold(cut, 0, cut.Count)!, _gradient, _gradient.Length);
            var squares = new double[_plan.Blocks];
            for (var b = 0; b < squares.Length; b++) squares[b] = Arithmetic.SquaresOf(_gradient.AsSpan(b * Scenario.BlockLength, Scenario.BlockLength));
            var norm = Math.Sqrt(Tree(squares, 0, squares.Length));
            var (rate, clip) = Rates();
            var finite = double.IsFinite(norm);
            if (!finite && _plan.OnNonFinite != NonFinitePolicy.Skip)
            {
                Diverged = true;
                return;
            }
            var coefficient = clip > 0 && clip / (norm + 1e-6) < 1 ? (float)(clip / (norm + 1e-6)) : 1f;
            if (finite)
            {
                var count = _rule.Scalars(++updates, rate, scalars);
                Arithmetic.Step(new StepScalars(scalars[..count]), coefficient, Weights, Momentum, _gradient.AsSpan(0, Weights.Length));
            }
            Add(new LogEntry(new StepRecord
            {
                Step = Version, Epoch = _plan.EpochOf(Version), Loss = _gradient[^2], Correct = _gradient[^1], Samples = cut.Samples,
                Norm = norm, Coefficient = finite ? coefficient : 0, LearningRate = rate, Skipped = !finite,
            }));
            Version++;
            if (_plan.EvaluatesAt(Version)) Add(new LogEntry(new EvaluationRecord(Version, Evaluate(0, _plan.EvaluationMicroBatches)!.Value)));
        }
    }

    private void Add(in LogEntry entry)
    {
        Records.Add(entry);
        Log = entry.AddTo(Log);
    }

    private (double Rate, double Clip) Rates()
    {
        var (rate, scale, clip) = (_rule.LearningRate(Version), 1.0, _plan.ClipNorm);
        foreach (var control in _controls)
        {
            if (control.Step > Version) continue;
            if (control.Kind == ControlKind.SetLearningRate) (rate, scale) = (control.Value, 1.0);
            if (control.Kind == ControlKind.ScaleLearningRate) scale *= control.Value;
            if (control.Kind == ControlKind.SetClipNorm) clip = control.Value;
        }
        return (rate * scale, clip);
    }

    private float[]? Fold(MicroBatches cut, int first, int count)
    {
        if (cut.Start(first + count) == cut.Start(first)) return null;
        if (count == 1)
        {
            var leaf = new float[_arithmetic.GradientLength];
            _arithmetic.Leaf(Version, first, Weights, leaf);
            return leaf;
        }
        var split = 1;
        while (split * 2 < count) split *= 2;
        var (left, right) = (Fold(cut, first, split), Fold(cut, first + split, count - split));
        if (left is null || right is null) return left ?? right;
        for (var k = 0; k < left.Length; k++) left[k] += right[k];
        return left;
    }

    private EvaluationTotals? Evaluate(int first, int count)
    {
        if (_plan.EvaluationCut.Start(first + count) == _plan.EvaluationCut.Start(first)) return null;
        if (count == 1) return _arithmetic.Evaluate(Version, first, Weights);
        var split = 1;
        while (split * 2 < count) split *= 2;
        var (left, right) = (Evaluate(first, split), Evaluate(first + split, count - split));
        return left is { } l && right is { } r ? l + r : left ?? right;
    }

    private static double Tree(double[] values, int first, int count)
    {
        if (count == 1) return values[first];
        var split = 1;
        while (split * 2 < count) split *= 2;
        return Tree(values, first, split) + Tree(values, first + split, count - split);
    }
}
