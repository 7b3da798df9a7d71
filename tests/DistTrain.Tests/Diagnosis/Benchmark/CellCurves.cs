using DistTrain.Contracts;
using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>Runs of one cell of the 3 x 3 table: train and test loss each go down, stay flat or go up, and the table's rule for the cell is the truth.</summary>
/// <remarks>
/// Every loss first loses part of what it can (or nothing); then it goes its way until the end. Shapes, sizes and the place of the bend are drawn; noise is normal, in proportion to
/// the loss. Tuning draws seeds below <see cref="HeldOut"/>; what is reported is of seeds above.
/// </remarks>
internal static class CellCurves
{
    public const int HeldOut = 1_000_000;

    public static IReadOnlyList<Cell> Cells { get; } = [.. from train in Enum.GetValues<Direction>() from test in Enum.GetValues<Direction>() select new Cell(train, test)];

    /// <summary>The rule of the table that owns the cell.</summary>
    public static string Truth(Cell cell) => cell switch
    {
        (Direction.Down, Direction.Down) => VerdictNames.Learning,
        (Direction.Down, _) or (Direction.Flat, Direction.Up) => VerdictNames.Overfitting,
        (_, Direction.Down) => VerdictNames.SuspiciousData,
        (Direction.Flat, Direction.Flat) => VerdictNames.Bottleneck,
        _ => VerdictNames.WrongSetup,
    };

    public static TrainingCurves Make(Cell cell, double noise, int evaluations, int seed)
    {
        var random = new Random(HashCode(cell, evaluations, seed));
        var steps = Enumerable.Range(1, evaluations).Select(i => i * 100L).ToArray();
        var together = random.NextDouble(); // what both lose before they rest; else the train loss alone would have gone on, which is another verdict
        return new TrainingCurves { TrainLoss = Series(cell.Train, 1), TestLoss = Series(cell.Test, In(1.02, 1.15)) };

        double In(double low, double high) => low + (high - low) * random.NextDouble();

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

        Curve Series(Direction way, double start)
        {
            // Where it goes its way from, and how high it stands there.
            var (bend, early, tau) = way is Direction.Down ? (0, 0, In(0.35, 0.9)) : (In(0.12, 0.25), (way is Direction.Up ? 0.25 : 0.5) * together, In(0.03, 0.08)); // a rise from lower down would be a divergence
            var (floor, rise) = (In(0.02, 0.1), In(0.8, 2.0));
            var linear = random.Next(2) == 0;
            var values = new double[evaluations];
            for (var i = 0; i < evaluations; i++)
            {
                var t = (double)i / (evaluations - 1);
                var level = way is Direction.Down ? linear ? 1 - In0(floor) * t : floor + (1 - floor) * Math.Exp(-t / tau) : 1 - early + early * Math.Exp(-t / tau);
                if (way is Direction.Up) level += rise * Math.Max(0, t - bend);
                values[i] = start * level * Math.Max(1 + noise * Normal(), 0.02);
            }
            return new Curve(steps, values);

            static double In0(double floor) => 0.95 - 3 * floor; // 65 % to 89 % gone at the end
        }
    }

    private static int HashCode(Cell cell, int evaluations, int seed) => unchecked(((int)cell.Train * 3 + (int)cell.Test + 1) * 15_485_863 + evaluations * 32_452_843 + seed * 49_979_687);
}
