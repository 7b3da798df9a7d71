using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>Seeded runs whose verdict is known: shapes drawn at random within a family, noise proportional to the loss, steps even, jittered or with gaps.</summary>
internal static class CurveFamilies
{
    /// <summary>Families by name with the verdict that is right for them.</summary>
    public static readonly IReadOnlyDictionary<string, (string Verdict, Func<Draw, TrainingCurves> Make)> All = new Dictionary<string, (string, Func<Draw, TrainingCurves>)>
    {
        ["learning: exponential"] = (VerdictNames.Learning, d => { var tau = d.In(0.4, 1.0); var gap = d.In(1.0, 1.3); return d.Run(t => Fall(t, d.A, 0.05, tau), t => gap * Fall(t, d.B, 0.05, tau)); }),
        ["learning: logarithmic"] = (VerdictNames.Learning, d => { var k = d.In(0.1, 0.16); return d.Run(t => 1 - k * Math.Log(1 + 300 * t), t => 1.1 - k * Math.Log(1 + 300 * t)); }),
        ["learning: power"] = (VerdictNames.Learning, d => { var p = d.In(0.4, 0.9); return d.Run(t => Math.Pow(1 + 200 * t, -p), t => 1.2 * Math.Pow(1 + 200 * t, -p)); }),
        ["learning: plateau, then a drop"] = (VerdictNames.Learning, d => { var at = d.In(0.7, 0.8); return d.Run(t => 1 - 0.8 * Math.Clamp((t - at) / 0.3, 0, 1), t => 1.05 - 0.7 * Math.Clamp((t - at) / 0.3, 0, 1)); }),
        ["learning: late generalization"] = (VerdictNames.Learning, d => { var at = d.In(0.6, 0.75); return d.Run(t => Fall(t, 1, 0.01, 0.03), t => 1.2 - 0.9 * Math.Clamp((t - at) / 0.35, 0, 1)); }),
        ["learning: rate drops by steps, all in use"] = (VerdictNames.Learning, d => d.Run(t => Stairs(t, [0.35, 0.75], 0.4) * Math.Exp(-0.6 * t), t => 1.1 * Stairs(t, [0.35, 0.75], 0.4) * Math.Exp(-0.6 * t))),
        ["over-fitting: test flat"] = (VerdictNames.Overfitting, d => { var floor = d.In(0.25, 0.6); var tau = d.In(0.3, 0.6); return d.Run(t => Fall(t, 1, 0.01, tau), t => Fall(t, 1, floor, 0.06)); }),
        ["over-fitting: test up"] = (VerdictNames.Overfitting, d => { var rise = d.In(0.6, 2.0); var tau = d.In(0.3, 0.6); return d.Run(t => Fall(t, 1, 0.01, tau), t => Fall(t, 1, 0.4, 0.08) + rise * Math.Max(0, t - 0.3)); }),
        ["over-fitting: train at rest, test up"] = (VerdictNames.Overfitting, d => { var rise = d.In(0.6, 2.0); return d.Run(t => Fall(t, 1, 0.02, 0.05), t => Fall(t, 1, 0.4, 0.08) + rise * Math.Max(0, t - 0.3)); }),
        ["over-fitting: long ago, both at rest"] = (VerdictNames.Overfitting, d => { var high = d.In(0.5, 0.9); return d.Run(t => Fall(t, 1, 0.02, 0.09), t => Fall(t, 1, 0.3, 0.04) + (high - 0.3) * Math.Clamp((t - 0.15) / 0.25, 0, 1)); }),
        ["suspicious data: train flat"] = (VerdictNames.SuspiciousData, d => { var floor = d.In(0.3, 0.9); var fall = d.In(0.5, 0.7); return d.Run(t => Fall(t, 1, floor, 0.05), t => 1.2 * (1 - fall * t)); }),
        ["suspicious data: train up"] = (VerdictNames.SuspiciousData, d => { var rise = d.In(0.6, 1.2); return d.Run(t => 0.8 + rise * t, t => 1.2 * (1 - 0.6 * t)); }),
        ["bottleneck: never moved"] = (VerdictNames.Bottleneck, d => d.Run(_ => 1, _ => 1.02)),
        ["bottleneck: stuck high"] = (VerdictNames.Bottleneck, d => { var floor = d.In(0.4, 0.8); var tau = d.In(0.03, 0.06); return d.Run(t => Fall(t, 1, floor, tau), t => 1.05 * Fall(t, 1, floor, tau)); }),
        ["bottleneck: negative loss"] = (VerdictNames.Bottleneck, d => d.Run(t => -3 + Fall(t, 2, 0, 0.04), t => -2.9 + Fall(t, 2, 0, 0.04))),
        ["wrong setup: both up"] = (VerdictNames.WrongSetup, d => { var rise = d.In(0.8, 2.0); return d.Run(t => 1 + rise * t, t => 1.05 + rise * t); }),
        ["wrong setup: train up, test flat"] = (VerdictNames.WrongSetup, d => { var rise = d.In(0.8, 2.0); return d.Run(t => 1 + rise * t, _ => 1.5); }),
        ["converged"] = (VerdictNames.Converged, d => { var floor = d.In(0.05, 0.15); return d.Run(t => Fall(t, 1, floor, 0.05), t => 1.1 * Fall(t, 1, floor, 0.05)); }),
        ["converged: rate decayed"] = (VerdictNames.Converged, d => d.Run(t => Fall(t, 1, 0.5, 0.05), t => 1.05 * Fall(t, 1, 0.5, 0.05)) with { LearningRate = d.Side(t => 0.1 * Math.Pow(1e-4, Math.Min(1, 2 * t))) }),
        ["diverged: runs away"] = (VerdictNames.Diverged, d => { var at = d.In(0.6, 0.8); return d.Run(t => Fall(t, 1, 0.2, 0.2) + (t > at ? Math.Exp(80 * (t - at)) : 0), t => Fall(t, 1, 0.25, 0.2) + (t > at ? Math.Exp(80 * (t - at)) : 0)); }),
        ["diverged: lost all"] = (VerdictNames.Diverged, d => { var at = d.In(0.5, 0.85); return d.Run(t => t > at ? 2.5 : Fall(t, 1, 0.1, 0.1), t => t > at ? 2.5 : Fall(t, 1, 0.15, 0.1)); }),
        ["nan from some step on"] = (VerdictNames.NotANumber, d => { var at = d.In(0.2, 0.95); return d.Run(t => t > at ? double.NaN : Fall(t, 1, 0.2, 0.2), t => t > at ? double.NaN : Fall(t, 1, 0.3, 0.2)); }),
        ["too few points"] = (VerdictNames.InsufficientData, d => d.Shorter(4).Run(t => 1 - 0.5 * t, t => 1.1 - 0.5 * t)),
        ["rate too high: back from its lowest, swinging"] = (VerdictNames.LearningRateTooHigh, d => d.Run(t => t < 0.2 ? Fall(t, 1, 0.2, 0.05) : 0.75 * (1 + 0.15 * d.Noise()), t => t < 0.2 ? Fall(t, 1, 0.25, 0.05) : 0.8 * (1 + 0.15 * d.Noise()))),
        ["rate too high: to and fro"] = (VerdictNames.LearningRateTooHigh, d => { var swing = d.In(0.5, 0.8); return d.Run((t, i) => Fall(t, 1, 0.5, 0.05) * (1 + (i % 2 == 0 ? swing : -swing)), (t, i) => Fall(t, 1, 0.5, 0.05) * (1 + (i % 2 == 0 ? swing : -swing))); }),
        ["rate too low: tiny updates"] = (VerdictNames.LearningRateTooLow, d => d.Run(_ => 1, _ => 1.02) with { UpdateRatio = d.Side(_ => 3e-7) }),
        ["vanishing gradients"] = (VerdictNames.VanishingGradients, d => d.Run(_ => 1, _ => 1.02) with { GradientNorm = d.Side(t => Math.Exp(-30 * t)) }),
        ["exploding gradients"] = (VerdictNames.ExplodingGradients, d => d.Run(t => 1 + 1.5 * t, t => 1.05 + 1.5 * t) with { GradientNorm = d.Side(t => Math.Exp(9 * t)) }),
        ["dead units"] = (VerdictNames.DeadUnits, d => d.Run(_ => 0.7, _ => 0.72) with { DeadUnitShare = d.Side(t => 0.1 + 0.8 * Math.Min(1, 2 * t)) }),
    };

    private static double Fall(double t, double start, double floor, double tau) => floor + (start - floor) * Math.Exp(-t / tau);

    private static double Stairs(double t, double[] drops, double factor) => drops.Where(at => t >= at).Aggregate(1.0, (value, _) => value * factor);

    /// <summary>One seeded run: its length, noise, scale and steps.</summary>
    public sealed class Draw(int seed, double noise, int evaluations, double scale = 1)
    {
        private readonly Random _random = new(seed);
        private long[]? _steps;

        public double A => 1;

        public double B => 1;

        public double In(double low, double high) => low + (high - low) * _random.NextDouble();

        public Draw Shorter(int count) => new(seed, noise, count, scale);

        /// <summary>Standard normal.</summary>
        public double Noise() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

        public TrainingCurves Run(Func<double, double> train, Func<double, double> test) => Run((t, _) => train(t), (t, _) => test(t));

        /// <param name="train">Loss at t in [0, 1] of the run, at evaluation i.</param>
        /// <param name="test">Likewise.</param>
        public TrainingCurves Run(Func<double, int, double> train, Func<double, int, double> test)
        {
            var kind = _random.Next(3);
            _steps = Steps(kind);
            return new TrainingCurves { TrainLoss = Series(train, missing: 0), TestLoss = Series(test, missing: kind == 2 ? 0.1 : 0) };
        }

        /// <summary>A series beside the losses, at the same steps, with the same noise.</summary>
        public Curve Side(Func<double, double> value) => Series((t, _) => value(t) / scale, missing: 0);

        private long[] Steps(int kind)
        {
            var steps = new long[evaluations];
            for (var i = 1; i < evaluations; i++) steps[i] = steps[i - 1] + (kind == 0 ? 100 : 50 + _random.Next(100) + (kind == 2 && _random.Next(30) == 0 ? 300 : 0));
            return steps;
        }

        private Curve Series(Func<double, int, double> value, double missing)
        {
            var (steps, values) = (new List<long>(), new List<double>());
            for (var i = 0; i < evaluations; i++)
            {
                var loss = value((double)_steps![i] / _steps[^1], i) * (1 + noise * Noise()) * scale;
                if (_random.NextDouble() < missing) continue;
                steps.Add(_steps[i]);
                values.Add(loss);
            }
            return new Curve(steps.ToArray(), values.ToArray());
        }
    }
}
