using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// Compares backward with forward: along random directions d of ±1 the slope (f(θ + h·d) - f(θ - h·d)) / 2h must be ∇f·d, for the input and for each
/// parameter by itself. Outputs are summed in float64, so float32 rounding costs about 1e-5 of the slope's scale, far below one wrong element of a small tensor.
/// </summary>
/// <remarks>
/// Inputs are distinct values at least 2h apart and at least h from 0, so that no kink (ReLU, maximum) lies between the two points. Parameters are moved off their first values, which are often 0 or 1 and would hide
/// a factor. Where kinks of inner values cannot be avoided, h is smaller and most directions must agree: a kink spoils one now and then, a wrong gradient spoils all.
/// </remarks>
public static class GradientCheck
{
    private const int Directions = 4;
    private const float Moved = 0.2f;

    /// <param name="probe">The layer or loss.</param>
    /// <param name="samples">Batch, small: samples x input elements is at most 400.</param>
    /// <param name="classes">Labels are drawn below it; 0 = real targets.</param>
    /// <param name="tolerance">Of the slope's scale, ‖∇f‖·‖d‖ / √elements + |slope|.</param>
    /// <param name="bends">Inner values may lie on kinks.</param>
    /// <returns>What differs, empty when nothing does.</returns>
    public static IReadOnlyList<string> Run(LayerProbe probe, int samples, int classes = 0, double tolerance = 2e-3, ulong seed = 1, bool bends = false)
    {
        var (h, spoiled, count) = bends ? (1f / 8192, Directions / 2, Directions + 1) : (1f / 256, 0, Directions);
        if (bends) tolerance *= 5;
        var network = probe.Network;
        var weights = network.Initialize(seed);
        foreach (var slice in network.Parameters.Where(p => p.Kind == SliceKind.Parameter).Select(p => p.Slice))
        {
            var noise = new float[slice.Length];
            RandomFill.Normal(noise, seed + (ulong)slice.Offset, 0f, Moved);
            for (var i = 0; i < slice.Length; i++) weights[slice.Offset + i] += noise[i];
        }
        var x = network.Vocabulary > 0 ? probe.Tokens(samples, seed) : Spread(samples * network.Input.Length, seed);
        var target = probe.Target(samples, classes, seed);
        var found = probe.Run(weights, x, target, Segments.One(samples));
        var wrong = new List<(string What, string Text)>();
        for (var i = 0; i < count; i++)
        {
            var random = new RandomStream(seed, (ulong)i + 100);
            if (network.Vocabulary == 0) Compare("the input", x, 0, x.Length, found.InputGradient, ref random);
            foreach (var parameter in network.Parameters.Where(p => p.Kind == SliceKind.Parameter))
                Compare(parameter.Name, weights, parameter.Slice.Offset, parameter.Slice.Length, found.Gradient, ref random);
        }
        return [.. wrong.GroupBy(w => w.What).Where(g => g.Count() > spoiled).SelectMany(g => g.Select(w => w.Text))];

        void Compare(string what, float[] values, int start, int length, float[] gradient, ref RandomStream random)
        {
            var kept = values.AsSpan(start, length).ToArray();
            var (direction, slope, norm) = (new float[length], 0.0, 0.0);
            for (var i = 0; i < length; i++)
            {
                direction[i] = (random.NextWord() & 1) == 0 ? 1f : -1f;
                slope += (double)gradient[start + i] * direction[i];
                norm += (double)gradient[start + i] * gradient[start + i];
            }
            double At(float step)
            {
                for (var i = 0; i < length; i++) values[start + i] = kept[i] + step * direction[i];
                return probe.Scalar(probe.Run(weights, x, target, Segments.One(samples)), target);
            }
            var measured = (At(h) - At(-h)) / (2.0 * h);
            kept.CopyTo(values, start);
            var scale = Math.Sqrt(norm) + Math.Abs(slope);
            if (!(Math.Abs(measured - slope) <= tolerance * scale + 1e-4))
                wrong.Add((what, $"the gradient of {what} along a direction is {slope:g6} by backward and {measured:g6} by differences; they may differ by {tolerance * scale + 1e-4:g3}."));
        }
    }

    // (k + 1/2) / n of [-2, 2] in a random order: distances 4 / n; n is even, so that 0 lies between two of them.
    private static float[] Spread(int length, ulong seed)
    {
        var places = length + (length & 1);
        var order = new KeyedPermutation(seed, 0, places);
        return [.. Enumerable.Range(0, length).Select(i => (float)((order[i] + 0.5) / places * 4.0 - 2.0))];
    }
}
