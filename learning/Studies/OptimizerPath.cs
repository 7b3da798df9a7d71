using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>One place of a path.</summary>
/// <param name="Step">Updates before it.</param>
/// <param name="Value">f there.</param>
/// <param name="GradientNorm">‖∇f‖ there.</param>
public sealed record PathPoint(int Step, double X, double Y, double Value, double GradientNorm);

/// <summary>Where an optimizer goes on a surface: the rule that trains networks, on a vector of two weights whose gradient is the surface's, in float32.</summary>
public static class OptimizerPath
{
    /// <param name="optimizer">Of the catalogue; its scalars come from the schedule's rate as in a job.</param>
    /// <param name="steps">Updates; the path ends earlier where it leaves the numbers.</param>
    /// <param name="start">null = the surface's.</param>
    /// <returns>The start and each place after an update.</returns>
    public static IReadOnlyList<PathPoint> Of(Optimizer optimizer, Schedule schedule, Surface surface, int steps, (double X, double Y)? start = null)
    {
        using var device = new CpuDevice(1);
        using var weights = device.Allocate(2);
        using var gradient = device.Allocate(2);
        using var states = device.Allocate(Math.Max(1, 2 * optimizer.StateCount));
        var (from, scalars, path) = (start ?? surface.Start, new float[Optimizer.MaxScalars], new List<PathPoint>());
        weights.Write(0, [(float)from.X, (float)from.Y]);
        View State(int index) => index < optimizer.StateCount ? states.View.Part(2 * index, 2) : View.None;
        for (var step = 0; ; step++)
        {
            double x = weights.View.AsSpan()[0], y = weights.View.AsSpan()[1];
            var slope = surface.Gradient(x, y);
            path.Add(new PathPoint(step, x, y, surface.Value(x, y), Math.Sqrt(slope.X * slope.X + slope.Y * slope.Y)));
            if (step == steps || !double.IsFinite(path[^1].Value) || !float.IsFinite((float)slope.X) || !float.IsFinite((float)slope.Y)) return path;
            gradient.Write(0, [(float)slope.X, (float)slope.Y]);
            var count = optimizer.Scalars(step + 1, schedule.Rate(optimizer.LearningRate, step, steps, Math.Max(1, steps)), scalars);
            if (optimizer.NeedsWholeVector) optimizer.ApplyWhole(device, scalars.AsSpan(0, count), 1f, [(0, 2)], weights.View, gradient.View, states.View);
            else optimizer.Apply(device, scalars.AsSpan(0, count), 1f, weights.View, gradient.View, State(0), State(1), State(2));
        }
    }
}
