namespace DistTrain.Learning;

/// <summary>A function of two numbers on which an optimizer's path can be seen. One file a surface, found by [Named].</summary>
public abstract class Surface
{
    /// <summary>f(x, y).</summary>
    public abstract double Value(double x, double y);

    /// <summary>Its slopes by x and y.</summary>
    public abstract (double X, double Y) Gradient(double x, double y);

    /// <summary>Where paths begin unless somebody says otherwise.</summary>
    public abstract (double X, double Y) Start { get; }

    /// <summary>The part that a picture shows: from, to.</summary>
    public abstract (double X0, double Y0, double X1, double Y1) Window { get; }
}

/// <summary>f = ½·(x² + condition·y²): a bowl that is steeper one way than the other, minimum 0 at (0, 0). Gradient descent needs lr &lt; 2 / condition.</summary>
[Named("bowl")]
public sealed class Bowl(Bowl.Options options) : Surface
{
    /// <param name="Condition">Curvature along y over that along x.</param>
    public sealed record Options([property: System.ComponentModel.DataAnnotations.Range(1e-6, 1e6)] double Condition = 20.0);

    public override (double X, double Y) Start => (-2, 1);

    public override (double X0, double Y0, double X1, double Y1) Window => (-2.5, -1.5, 2.5, 1.5);

    public override double Value(double x, double y) => 0.5 * (x * x + options.Condition * y * y);

    public override (double X, double Y) Gradient(double x, double y) => (x, options.Condition * y);
}

/// <summary>f = (1 - x)² + 100·(y - x²)²: a bent valley, minimum 0 at (1, 1). Rosenbrock 1960, doi:10.1093/comjnl/3.3.175.</summary>
[Named("rosenbrock")]
public sealed class Rosenbrock : Surface
{
    public override (double X, double Y) Start => (-1.2, 1);

    public override (double X0, double Y0, double X1, double Y1) Window => (-2, -1, 2, 3);

    public override double Value(double x, double y) => (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);

    public override (double X, double Y) Gradient(double x, double y) => (-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x));
}

/// <summary>f = ½·(x² - y²) + ¼·y⁴: a saddle at (0, 0) between two minima at (0, ±1) of -¼. A path that starts on the ridge y ≈ 0 is slow to leave it. Dauphin et al. 2014, arXiv:1406.2572.</summary>
[Named("saddle")]
public sealed class Saddle : Surface
{
    public override (double X, double Y) Start => (-1.5, 0.001);

    public override (double X0, double Y0, double X1, double Y1) Window => (-2, -1.6, 2, 1.6);

    public override double Value(double x, double y) => 0.5 * (x * x - y * y) + 0.25 * y * y * y * y;

    public override (double X, double Y) Gradient(double x, double y) => (x, y * y * y - y);
}

/// <summary>f = (x² + y - 11)² + (x + y² - 7)²: four minima of 0, at (3, 2) and others. Himmelblau 1972.</summary>
[Named("himmelblau")]
public sealed class Himmelblau : Surface
{
    public override (double X, double Y) Start => (0, 0);

    public override (double X0, double Y0, double X1, double Y1) Window => (-5, -5, 5, 5);

    public override double Value(double x, double y) => (x * x + y - 11) * (x * x + y - 11) + (x + y * y - 7) * (x + y * y - 7);

    public override (double X, double Y) Gradient(double x, double y) =>
        (4 * x * (x * x + y - 11) + 2 * (x + y * y - 7), 2 * (x * x + y - 11) + 4 * y * (x + y * y - 7));
}
