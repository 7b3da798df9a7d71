using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Quasi-Newton steps from the last gradients: d = -H·g with H built from pairs s = w_k - w_{k-1}, y = g_k - g_{k-1} by the two-loop recursion, H_0 = (s·y / y·y)·I of the newest pair;  w &lt;- w + lr·d ,
/// the first step lr·min(1, 1 / Σ|g|)·(-g).  As PyTorch's LBFGS with max_iter 1 and no line search. For small problems on the full batch.  Nocedal 1980, doi:10.1090/S0025-5718-1980-0572855-7; Liu, Nocedal 1989.
/// </summary>
/// <remarks>Its directions need inner products over all weights, so there is one shard, and the batch is the whole training set: on a part of it the pairs would measure noise.</remarks>
[Named("lbfgs")]
public sealed class Lbfgs(Lbfgs.Options options) : Optimizer
{
    /// <param name="Lr">Length of a step in units of the direction; 1 is Newton's.</param>
    /// <param name="History">Pairs that are kept; each takes two vectors of the weights' length.</param>
    /// <param name="MinCurvature">A pair with s·y at or below it is not kept.</param>
    public sealed record Options(
        [property: Range(0.0, 1e6, MinimumIsExclusive = true)] double Lr = 1.0,
        [property: Range(1, 100)] int History = 10,
        [property: Range(0.0, 1e6)] double MinCurvature = 1e-10);

    public override double LearningRate => options.Lr;

    public override bool NeedsWholeVector => true;

    // The gradient and the step of the update before, then pairs, oldest first; a pair that is not there yet is zero.
    public override int StateCount => 2 + 2 * options.History;

    public override IReadOnlyList<string> StateNames => ["gradient", "step", .. Enumerable.Range(0, options.History).Select(i => $"s_{i}"), .. Enumerable.Range(0, options.History).Select(i => $"y_{i}")];

    public override int Scalars(long update, double learningRate, Span<float> scalars)
    {
        (scalars[0], scalars[1]) = ((float)learningRate, update == 1 ? 1f : 0f);
        return 2;
    }

    public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2) =>
        throw new InvalidOperationException("lbfgs needs the whole vector; use ApplyWhole.");

    public override void ApplyWhole(Device device, ReadOnlySpan<float> scalars, float coefficient, IReadOnlyList<(int Start, int Length)> runs, View weights, View gradient, View states)
    {
        var (vector, dot, scale) = (device.Op<IVector>(), device.Op<IDot>(), device.Op<IOptimizerStep<Scaled>>());
        var history = options.History;
        View State(int index) => states.Part(index * weights.Length, weights.Length);
        View S(int i) => State(2 + i);
        View Y(int i) => State(2 + history + i);
        var (before, step) = (State(0), State(1));
        if (scalars[1] == 0f) Remember();
        Each((start, length) =>
        {
            vector.Fill(step.Part(start, length), 0f);
            vector.AddScaled(-coefficient, gradient.Part(start, length), step.Part(start, length));
        });
        var rate = scalars[0];
        if (scalars[1] != 0f) rate *= (float)Math.Min(1.0, 1.0 / Math.Max(dot.Absolute(step, runs), double.Epsilon));
        else Direct();
        if (!(dot.Product(gradient, step, runs) * coefficient < 0)) rate = 0f; // a gradient of zeros: there is nowhere to go
        Each((start, length) =>
        {
            Scale(step, start, length, rate);
            vector.Add(step.Part(start, length), weights.Part(start, length));
            vector.Fill(before.Part(start, length), 0f);
            vector.AddScaled(coefficient, gradient.Part(start, length), before.Part(start, length));
        });

        // y takes the old gradient's place, and the oldest pair leaves.
        void Remember()
        {
            Each((start, length) =>
            {
                Scale(before, start, length, -1f);
                vector.AddScaled(coefficient, gradient.Part(start, length), before.Part(start, length));
            });
            if (!(dot.Product(before, step, runs) > options.MinCurvature)) return;
            for (var i = 0; i < history; i++)
            {
                vector.Copy(i + 1 < history ? S(i + 1) : step, S(i));
                vector.Copy(i + 1 < history ? Y(i + 1) : before, Y(i));
            }
        }

        // step <- H·step, Nocedal's two loops.
        void Direct()
        {
            Span<double> curvatures = stackalloc double[history], shares = stackalloc double[history];
            for (var i = history - 1; i >= 0; i--)
            {
                curvatures[i] = dot.Product(S(i), Y(i), runs);
                if (curvatures[i] == 0) continue;
                shares[i] = dot.Product(S(i), step, runs) / curvatures[i];
                Move(step, Y(i), -shares[i]);
            }
            if (curvatures[history - 1] is > 0 and var newest)
            {
                var first = (float)(newest / dot.Product(Y(history - 1), Y(history - 1), runs));
                Each((start, length) => Scale(step, start, length, first));
            }
            for (var i = 0; i < history; i++)
                if (curvatures[i] != 0) Move(step, S(i), shares[i] - dot.Product(Y(i), step, runs) / curvatures[i]);
        }

        void Move(View to, View along, double share) => Each((start, length) => vector.AddScaled((float)share, along.Part(start, length), to.Part(start, length)));

        void Scale(View of, int start, int length, float factor) => scale.Run(new Scaled(factor), 1f, of.Part(start, length), of.Part(start, length), View.None, View.None, View.None);

        void Each(Action<int, int> action)
        {
            foreach (var (start, length) in runs) action(start, length);
        }
    }

    /// <summary>v &lt;- factor·v.</summary>
    public readonly struct Scaled(float factor) : IOptimizerRule
    {
        public static int StateCount => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<T>(ref T weight, T gradient, ref T state0, ref T state1, ref T state2) where T : unmanaged, ILane<T> => weight = T.Of(factor) * weight;
    }
}
