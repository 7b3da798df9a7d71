using System.Globalization;

namespace DistTrain.Cluster.Tests.Bench;

/// <summary>The test assembly as a program of its own: <c>grain-calls ROUNDS</c> (the lane against grain calls with byte[]); <c>grain-calls-end</c> is its other process.</summary>
public static class BenchProgram
{
    public static async Task<int> Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["grain-calls", var rounds]:
                await GrainCallSpeed.MeasureAsync(int.Parse(rounds, CultureInfo.InvariantCulture), Console.Out);
                return 0;
            case ["grain-calls-end", var primary]:
                await GrainCallSpeed.EndAsync(int.Parse(primary, CultureInfo.InvariantCulture));
                return 0;
            default:
                Console.Error.WriteLine("grain-calls ROUNDS");
                return 2;
        }
    }
}
