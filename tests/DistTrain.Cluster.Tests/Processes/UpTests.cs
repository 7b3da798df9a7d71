using System.Globalization;
using System.Text.RegularExpressions;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>disttrain up leaves no process behind, however it ends.</summary>
public sealed partial class UpTests
{
    [Theory, InlineData("INT", 0), InlineData("KILL", 137)]
    public async Task A_development_cluster_ends_with_all_its_processes(string signal, int exitCode)
    {
        using var folder = new TemporaryFolder();
        await using var up = ChildProgram.Start("disttrain.dll", ["up", "--silos", "2", "--state", folder.Path], new Dictionary<string, string>());
        await up.SaysAsync("dashboard: ");
        var children = Process().Matches(up.Said).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(3, children.Count);
        Assert.All(children, child => Assert.True(Runs(child)));

        up.Signal(signal);
        Assert.Equal(exitCode, await up.EndAsync());
        using var limit = new CancellationTokenSource(Training.TrainingCluster.Limit);
        while (children.Any(Runs)) await Task.Delay(50, limit.Token);
    }

    private static bool Runs(int process)
    {
        try
        {
            using var running = System.Diagnostics.Process.GetProcessById(process);
            return !running.HasExited && !(File.Exists($"/proc/{process}/stat") && File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal));
        }
        catch (Exception gone) when (gone is ArgumentException or IOException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"\(process (\d+)\)")]
    private static partial Regex Process();
}
