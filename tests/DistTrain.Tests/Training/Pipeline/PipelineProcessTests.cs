using System.Diagnostics;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>Stages in worker processes: activations over the lane, the same bits, whoever is killed.</summary>
public sealed class PipelineProcessTests
{
    private static RunOptions Options(int processes, int stages) =>
        new() { Processes = processes, Shards = stages, Pipeline = stages, ComputeThreads = 1, WorkerLaunch = TestProgram.Launch("worker") };

    [Theory]
    [InlineData("mlp", 2, 2, 0)]
    [InlineData("convnet", 3, 3, 0)]
    [InlineData("mlp", 2, 3, 2)]
    public async Task Stages_in_processes_do_not_change_bits(string model, int stages, int processes, int kills)
    {
        // Whoever is still starting holds up nobody: where one process starts so late that the others have done it all, it is done again.
        for (var (attempt, done) = (0, false); !done; attempt++)
        {
            Assert.True(attempt < 3, "no crew was ever complete");
            done = await Run(SameBitsTests.Job(model, "adam", 0.5, epochs: kills > 0 ? 40 : 20), stages, processes, kills);
        }
    }

    private static async Task<bool> Run(ResolvedJob job, int stages, int processes, int kills)
    {
        EmbeddedCluster? cluster = null;
        var (killed, next) = (0, 10L);
        cluster = new EmbeddedCluster(job.With(step =>
        {
            if (step < next || killed == kills || cluster!.ProcessIds.Count < processes || cluster.StageUnits == 0) return;
            using var victim = Process.GetProcessById(cluster.ProcessIds.Values.First());
            victim.Kill();
            (killed, next) = (killed + 1, step + 40);
        }), Options(processes, stages));
        using var _ = cluster;
        SameBitsTests.AssertSame(SameBitsTests.Oracle(job), await cluster.RunAsync());
        return cluster.StageUnits > 0 && killed == kills;
    }
}
