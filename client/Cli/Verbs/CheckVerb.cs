using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

internal static class CheckVerb
{
    public static Command Make()
    {
        var vectors = new Option<string?>("--vectors") { Description = "Golden vectors, a folder or a JSON file: compare every case on the device.", HelpName = "path" };
        var device = new Option<string>("--device") { Description = "cpu; cpu:scalar, cpu:vector256, cpu:vector512 for one body of the kernels; gpu:0, opencl:0, ilgpu-cpu.", DefaultValueFactory = _ => "cpu" };
        var threads = new Option<int>("--threads") { Description = "Compute threads; 0 = all cores.", DefaultValueFactory = _ => 0 };
        var output = SharedOptions.Output();
        var verb = new Verb("check", "Checks this machine: devices, instruction sets, and that its numbers are the oracle's.", "disttrain check", "disttrain check --vectors vectors/ -o json") { vectors, device, threads, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            using var target = Device(parse.GetValue(device)!, parse.GetValue(threads));
            return parse.GetValue(vectors) is { } path ? Vectors(terminal, path, target) : Machine(terminal, target);
        });
        return verb;
    }

    private static Device Device(string name, int threads)
    {
        if (threads is < 0 or > 1024) throw new CommandException(ExitCode.Usage, $"--threads is {threads}. It must be between 0 and 1024.");
        try
        {
            return Devices.Open(name, threads);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            throw new CommandException(ExitCode.Usage, $"--{e.Message.Split(" (Parameter", 2)[0]}");
        }
    }

    private static int Vectors(Terminal terminal, string path, Device device)
    {
        if (!File.Exists(path) && !Directory.Exists(path)) throw new CommandException(ExitCode.NotFound, $"--vectors is {path}. Nothing is there.");
        var (passed, failed, unsupported, largest, worst) = (0, 0, 0, 0.0, 0.0);
        try
        {
            foreach (var result in VectorCheck.Run(path, device))
            {
                if (result.Status is VectorStatus.Pass) passed++;
                else if (result.Status is VectorStatus.Fail) failed++;
                else unsupported++;
                if (result.Status is VectorStatus.Pass) (largest, worst) = (Math.Max(largest, result.Error), Math.Max(worst, result.Error / result.Limit));
                Write(terminal, result);
            }
        }
        catch (InvalidDataException wrong)
        {
            throw new CommandException(ExitCode.Usage, wrong.Message);
        }
        if (terminal.Json)
            terminal.WriteJson(new JsonObject { ["total"] = passed + failed, ["passed"] = passed, ["failed"] = failed, ["unsupported"] = unsupported, ["largestRelativeError"] = largest, ["device"] = device.Name });
        else
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{passed + failed} cases: {passed} passed, {failed} failed, {unsupported} not supported. Errors are max |ours - value| / max |value| of each tensor; the largest that passed is {largest:G2}, and none of those is more than {worst:P0} of its limit"));
        return failed > 0 ? ExitCode.Findings : passed == 0 ? ExitCode.NotFound : ExitCode.Ok;
    }

    private static void Write(Terminal terminal, VectorResult result)
    {
        if (terminal.Json)
        {
            var line = new JsonObject
            {
                ["case"] = result.Case, ["file"] = result.File, ["error"] = double.IsFinite(result.Error) ? result.Error : null, ["limit"] = result.Limit, ["pass"] = result.Status is VectorStatus.Pass,
            };
            if (result.Status is VectorStatus.Unsupported) line["unsupported"] = true;
            if (result.Reason is not null) line["reason"] = result.Reason;
            terminal.WriteJson(line);
        }
        else if (result.Status is not VectorStatus.Pass)
        {
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(result.Status is VectorStatus.Fail ? "FAIL" : "skip")}  {result.File} {result.Case}: relative error {result.Error:G3}, limit {result.Limit:G3}{(result.Reason is null ? "" : $"; {result.Reason}")}"));
        }
    }

    private static int Machine(Terminal terminal, Device device)
    {
        var findings = new List<string>();
        if (!System.Runtime.Intrinsics.X86.Fma.IsSupported && !System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported) findings.Add("this processor has no fused multiply-add; exact training needs it.");
        var facts = new JsonObject
        {
            ["version"] = VersionVerb.Number,
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["system"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
            ["cores"] = Environment.ProcessorCount,
            ["memoryBytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            ["device"] = device.Name,
            ["instructionSet"] = (device as CpuDevice)?.InstructionSet.ToString().ToLowerInvariant(),
            ["threads"] = (device as CpuDevice)?.Threads,
            ["determinismClass"] = device.DeterminismClass,
            ["gpu"] = !Devices.BuiltWithAccelerators ? "none: this build has no GPU kernels" : Devices.PresentAccelerators() is { Count: > 0 } present ? string.Join(", ", present) : "none here",
            ["packages"] = string.Join(", ", new[] { typeof(Command), typeof(Spectre.Console.AnsiConsole), typeof(YamlDotNet.Core.Parser) }.Select(t => $"{t.Assembly.GetName().Name} {VersionVerb.Of(t.Assembly)}")),
        };
        // A short job, run by the plain loops and by the cluster: the same hash, or this machine must not train.
        var oracle = OracleHash(device.Name, out var cluster);
        facts["oracleSha256"] = oracle;
        facts["clusterSha256"] = cluster;
        if (oracle != cluster) findings.Add($"two workers and three shards gave weights {cluster[..12]}, one process gave {oracle[..12]}. They must be equal.");
        facts["status"] = findings.Count == 0 ? "ok" : "findings";
        facts["findings"] = new JsonArray([.. findings.Select(f => JsonValue.Create(f))]);
        if (terminal.Json) terminal.WriteJson(facts);
        else
        {
            foreach (var (name, value) in facts.Where(f => f.Key is not ("findings" or "status"))) terminal.Out.WriteLine($"{name,-18}{value}");
            foreach (var finding in findings) terminal.Out.WriteLine($"finding: {finding}");
            if (findings.Count == 0) terminal.Out.WriteLine("ok: the cluster's numbers are the oracle's, to the bit");
        }
        return findings.Count == 0 ? ExitCode.Ok : ExitCode.Findings;
    }

    private static string OracleHash(string device, out string cluster)
    {
        var plan = JobPlanner.Plan(JobFile.BuiltIn([.. new[] { "data.format={digits: {train: 160, test: 32}}", "training.epochs=1", "training.clipNorm=0.5", "model=[{conv2d: {out: 4, kernel: 3}}, relu, {maxPool2d: 2}, flatten, {linear: 32}, relu, {linear: 10}]", "cluster.workers=2", "cluster.shards=3" }.Select(SpecOverride.Parse)]));
        using (var embedded = new EmbeddedCluster(plan.Job, plan.Options with { CheckpointFolder = "", ComputeThreads = 1, Device = device })) cluster = embedded.RunAsync().GetAwaiter().GetResult().WeightsSha256;
        return new LocalTrainer(plan.Job, new CpuDevice(1, InstructionSet.Scalar)).Run().WeightsSha256;
    }
}
