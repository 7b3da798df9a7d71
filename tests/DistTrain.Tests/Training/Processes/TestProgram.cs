using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text.Json;
using DistTrain.Kernels;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>
/// The test assembly as a program of its own, so that tests have processes to start and to kill:
/// <c>worker</c> (a worker process; its order comes on standard input), <c>run JOB OPTIONS</c> (a whole run; the result is one line of JSON),
/// <c>oracle JOB</c> (the one-process oracle), <c>matrix</c> (tests/same-bits.sh), <c>diagnosis SEED SEEDS</c> (how often the loss rules are right), <c>speed ...</c> (what LeNet's step costs), <c>pairs ...</c> (two workers against one), <c>pipelines ...</c> (pipelines against workers that share the data), <c>exactness</c> (what the same bits cost), <c>lane ...</c> (the lane against plain TCP and Gloo), each with a job of <see cref="TestJobs.Resolve"/>; RUN OPTIONS are those of <see cref="RunOptions"/> as JSON.
/// </summary>
public static class TestProgram
{
    public static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["worker"]:
                return WorkerProcess.Run(TestJobs.Resolve, Console.In, Console.Error);
            case ["oracle", var document]:
                return Print(new LocalTrainer(TestJobs.Resolve(document)).Run());
            case ["run", var document, var options]:
                return Print(Run(document, JsonSerializer.Deserialize<RunOptions>(options)!));
            case ["diagnosis", var first, var seeds]:
                Diagnosis.DiagnosisBenchmark.Print(Console.Out, int.Parse(first, CultureInfo.InvariantCulture), int.Parse(seeds, CultureInfo.InvariantCulture));
                return 0;
            case ["matrix"]:
                return SameBitsMatrix.Run();
            case ["speed", .. var numbers] when numbers.Length is 6 or 7:
                var n = numbers.Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
                Console.WriteLine($"workers {n[0]}, shards {n[1]}, threads {n[2]}, batch {n[3]}, M {n[4]}{(n.Length > 6 ? $", stages {n[6]}" : "")}: {ClusterSpeed.Measure(n[0], n[1], n[2], n[3], n[4], n[5], n.Length > 6 ? n[6] : 1)}");
                return 0;
            case ["exactness"]:
                ExactnessCost.Run(Console.Out);
                return 0;
            case ["pairs", .. var numbers] when numbers.Length == 5:
                var p = numbers.Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
                ClusterSpeed.Pairs(p[0], p[1], p[2], p[3], p[4], Console.Out);
                return 0;
            case ["pipelines", .. var numbers] when numbers.Length == 4:
                var q = numbers.Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
                ClusterSpeed.Pipelines(q[0], q[1], q[2], q[3], Console.Out);
                return 0;
            case ["lane", var rounds]:
                LaneSpeed.Measure(int.Parse(rounds, CultureInfo.InvariantCulture), LaneEncryption.BeyondLoopback, [], Console.Out);
                return 0;
            case ["lane", var rounds, var encryption, .. var gloo]:
                LaneSpeed.Measure(int.Parse(rounds, CultureInfo.InvariantCulture), Enum.Parse<LaneEncryption>(encryption), gloo, Console.Out);
                return 0;
            case ["lane-end", var encryption]:
                return LaneSpeed.End(Enum.Parse<LaneEncryption>(encryption));
            default:
                Console.Error.WriteLine("worker | oracle JOB | run JOB OPTIONS | matrix | diagnosis SEED SEEDS | speed WORKERS SHARDS THREADS BATCH MICROBATCHES STEPS [STAGES] | pairs PAIRS SHARDS BATCH MICROBATCHES STEPS | pipelines ROUNDS BATCH MICROBATCHES STEPS | exactness | lane ROUNDS [ENCRYPTION [PYTHON tests/gloo-peer.py]]");
                return 2;
        }
    }

    /// <summary>The command line that starts this program.</summary>
    public static WorkerLaunch Launch(params string[] arguments) =>
        new(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", ["exec", typeof(TestProgram).Assembly.Location, .. arguments]);

    private static TrainingResult Run(string document, RunOptions options)
    {
        var feed = new RunFeed(1 << 16);
        using var cluster = new EmbeddedCluster(TestJobs.Resolve(document), options with { WorkerLaunch = Launch("worker") }, feed);
        var result = cluster.RunAsync().GetAwaiter().GetResult();
        // What was said on the way matters where it did not end well.
        while (result.Status != TrainingStatus.Completed && feed.Records.TryRead(out var record))
            if (record.Text is not null) Console.Error.WriteLine($"{record.Seconds:F3} step {record.Step}: {record.Text}");
        return result;
    }

    private static int Print(TrainingResult result)
    {
        Console.WriteLine(JsonSerializer.Serialize(new ChildResult(
            Vector512.IsHardwareAccelerated, new CpuDevice(1).InstructionSet.ToString(), result.Status.ToString(), result.Error, result.WeightsSha256, result.StateSha256, result.LossLogSha256,
            result.Steps, result.StepsThisRun, result.TestAccuracy.ToString(CultureInfo.InvariantCulture))));
        return result.Status == TrainingStatus.Completed ? 0 : 1;
    }
}

/// <summary>What a child run says about itself.</summary>
public sealed record ChildResult(
    bool Vector512, string InstructionSet, string Status, string? Error, string WeightsSha256, string StateSha256, string LossLogSha256, long Steps, long StepsThisRun, string TestAccuracy);
