using System.Globalization;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>The full matrix behind tests/same-bits.sh: too long for every test run, so the tests take pairs of it.</summary>
internal static class SameBitsMatrix
{
    public static int Run()
    {
        var (runs, different) = (0, 0);
        Console.WriteLine($"{"job",-24} {"weights of the oracle",-24} {"clusters",9} {"pipelines",9} {"processes",9} {"killed",7} {"resumed",8} {"no AVX-512",11}");
        foreach (var model in (string[])["mlp", "convnet"])
        foreach (var optimizer in (string[])["sgd", "momentum", "adam"])
        foreach (var clip in (double[])[0, 0.5])
        {
            var job = SameBitsTests.Job(model, optimizer, clip);
            var oracle = SameBitsTests.Oracle(job);
            var columns = new[] { Clusters(job), Pipelines(job), Processes(job), Killed(job), Resumed(job), WithoutAvx512(job) };
            Console.Write(string.Create(CultureInfo.InvariantCulture, $"{job.Document,-24} {oracle.WeightsSha256[..20],-24}"));
            foreach (var (column, width) in columns.Zip([10, 10, 10, 8, 9, 12]))
            {
                var results = column.ToList();
                var same = results.Count(r => r == (oracle.WeightsSha256, oracle.StateSha256, oracle.LossLogSha256));
                (runs, different) = (runs + results.Count, different + results.Count - same);
                Console.Write($"{same}/{results.Count}".PadLeft(width));
            }
            Console.WriteLine();
        }
        Console.WriteLine($"{runs} runs, {different} differ from the one-process oracle");
        return different == 0 ? 0 : 1;
    }

    private static IEnumerable<(string, string, string)> Clusters(ResolvedJob job) =>
        from workers in (int[])[1, 2, 3, 4, 8]
        from shards in (int[])[1, 2, 5]
        from threads in (int[])[1, 2]
        from set in Enum.GetValues<InstructionSet>()
        select Hashes(job, new RunOptions { Workers = workers, Shards = shards, ComputeThreads = threads, InstructionSet = set });

    private static IEnumerable<(string, string, string)> Pipelines(ResolvedJob job) =>
        from stages in job.Name == "mlp" ? (int[])[2] : [2, 3]
        from workers in (int[])[1, 2, 3, 4, 6]
        from set in Enum.GetValues<InstructionSet>()
        select Hashes(job, new RunOptions { Workers = workers, Shards = 3, Pipeline = stages, ComputeThreads = 1, InstructionSet = set });

    private static IEnumerable<(string, string, string)> Processes(ResolvedJob job) =>
        from processes in (int[])[1, 3]
        from shards in (int[])[1, 5]
        select Hashes(job, new RunOptions { Processes = processes, Shards = shards, ComputeThreads = 1, WorkerLaunch = TestProgram.Launch("worker") });

    private static IEnumerable<(string, string, string)> Killed(ResolvedJob job)
    {
        foreach (var point in Enum.GetValues<KillPoint>())
        {
            EmbeddedCluster? cluster = null;
            var next = 0;
            cluster = new EmbeddedCluster(job.With(step =>
            {
                if (step % 2 == 0) return;
                cluster!.KillWorker(next++, point);
                cluster.AddWorker();
            }), new RunOptions { Workers = 3, Shards = 2, ComputeThreads = 1 });
            using (cluster) yield return Hashes(cluster.RunAsync().GetAwaiter().GetResult());
        }
    }

    private static IEnumerable<(string, string, string)> Resumed(ResolvedJob job)
    {
        foreach (var stop in (int[])[3, 7, 12])
        {
            var folder = Directory.CreateTempSubdirectory("disttrain").FullName;
            try
            {
                var options = new RunOptions { Workers = 2, Shards = 2, ComputeThreads = 1, CheckpointFolder = folder, CheckpointEvery = 2 };
                Hashes(job, options with { StopAfterSteps = stop });
                yield return Hashes(job, options with { Workers = 3, Shards = 1, Resume = true });
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static IEnumerable<(string, string, string)> WithoutAvx512(ResolvedJob job)
    {
        var launch = TestProgram.Launch("run", job.Document, """{"Workers":2,"Shards":2,"ComputeThreads":1}""") with { Environment = new Dictionary<string, string> { ["DOTNET_EnableAVX512"] = "0" } };
        var result = OtherProcessTests.Run(launch).GetAwaiter().GetResult();
        yield return result.Vector512 ? ("AVX-512 is on", "", "") : (result.WeightsSha256, result.StateSha256, result.LossLogSha256);
    }

    private static (string, string, string) Hashes(ResolvedJob job, RunOptions options)
    {
        using var cluster = new EmbeddedCluster(job, options);
        return Hashes(cluster.RunAsync().GetAwaiter().GetResult());
    }

    private static (string, string, string) Hashes(TrainingResult result) => (result.WeightsSha256, result.StateSha256, result.LossLogSha256);
}
