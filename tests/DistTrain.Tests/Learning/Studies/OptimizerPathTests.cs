using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Learning.Studies;

public sealed class OptimizerPathTests
{
    public static TheoryData<string> Surfaces() => new(Catalog.BuiltIn.All<Surface>().Select(s => s.Name));

    [Theory, MemberData(nameof(Surfaces))]
    public void A_surfaces_slopes_are_those_of_its_differences(string name)
    {
        var surface = ComponentText.Make<Surface>("surface", name);
        const double H = 1e-5;
        foreach (var (x, y) in new[] { surface.Start, (0.3, -0.7), (-1.1, 0.4) })
        {
            var (dx, dy) = surface.Gradient(x, y);
            Assert.Equal((surface.Value(x + H, y) - surface.Value(x - H, y)) / (2 * H), dx, 1e-5 * (1 + Math.Abs(dx)));
            Assert.Equal((surface.Value(x, y + H) - surface.Value(x, y - H)) / (2 * H), dy, 1e-5 * (1 + Math.Abs(dy)));
        }
        var (x0, y0, x1, y1) = surface.Window;
        Assert.True(surface.Start.X > x0 && surface.Start.X < x1 && surface.Start.Y > y0 && surface.Start.Y < y1);
    }

    // PyTorch 1.13 in float32, the place after so many steps.
    [Theory]
    [InlineData("sgd: {lr: 0.001}", "rosenbrock", 60, -0.9814677, 0.971292)]
    [InlineData("momentum: {lr: 0.05, mu: 0.9}", "saddle", 40, 0.15297428, 0.8442682)]
    [InlineData("adam: {lr: 0.05}", "rosenbrock", 60, -0.9794743, 0.97468287)]
    [InlineData("rmsProp: {lr: 0.05}", "himmelblau", 60, 2.9999893, 2.0000198)]
    [InlineData("nesterov: {lr: 0.02, mu: 0.9}", "bowl", 60, -0.009025505, -0.000000008)]
    [InlineData("adaGrad: {lr: 0.3}", "saddle", 60, -0.001407156, 1.0)]
    public void Paths_end_where_PyTorchs_do(string optimizer, string surface, int steps, double x, double y)
    {
        var path = OptimizerPath.Of(ComponentText.Make<Optimizer>("optimizer", optimizer), new ConstantSchedule(new()), ComponentText.Make<Surface>("surface", surface), steps);
        Assert.Equal(steps + 1, path.Count);
        Assert.Equal((x, y), (path[^1].X, path[^1].Y), new Near(2e-4));
    }

    public static TheoryData<string> Optimizers() => new(Catalog.BuiltIn.All<Optimizer>().Select(o => o.Name));

    [Theory, MemberData(nameof(Optimizers))]
    public void Every_optimizer_of_the_catalogue_has_a_path_downhill(string name)
    {
        var path = OptimizerPath.Of(Components.Make<Optimizer>(name), new ConstantSchedule(new()), new Bowl(new(4)), 100);
        Assert.Equal(101, path.Count);
        Assert.True(path[^1].Value < path[0].Value, $"{name}: {path[0].Value} -> {path[^1].Value}");
    }

    [Fact]
    public void A_path_that_leaves_the_numbers_ends_there()
    {
        var path = OptimizerPath.Of(ComponentText.Make<Optimizer>("optimizer", "sgd: {lr: 1}"), new ConstantSchedule(new()), new Rosenbrock(), 1000);
        Assert.InRange(path.Count, 3, 30);
        Assert.All(path.SkipLast(1), p => Assert.True(double.IsFinite(p.Value)));
    }

    private sealed class Near(double tolerance) : IEqualityComparer<(double, double)>
    {
        public bool Equals((double, double) a, (double, double) b) => Math.Abs(a.Item1 - b.Item1) < tolerance && Math.Abs(a.Item2 - b.Item2) < tolerance;

        public int GetHashCode((double, double) value) => 0;
    }
}
