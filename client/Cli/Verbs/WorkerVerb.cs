using System.CommandLine;
using System.Runtime.InteropServices;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>What <c>train --processes N</c> starts N times; people have no use for it.</summary>
internal static class WorkerVerb
{
    public static Command Make()
    {
        var verb = new Verb("worker", "A worker process of a run on this machine; started by train.") { Hidden = true };
        verb.SetAction(parse =>
        {
            // Ctrl-C reaches every process of a terminal; the run decides what becomes of its workers.
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
            return WorkerProcess.Run(JobPlanner.FromDocument, Console.In, parse.InvocationConfiguration.Error);
        });
        return verb;
    }

    /// <summary>This program again, as a worker process.</summary>
    public static WorkerLaunch Launch()
    {
        var (program, dll) = (Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "disttrain.dll"));
        if (Path.GetFileNameWithoutExtension(program) is "disttrain") return new WorkerLaunch(program, ["worker"]);
        // Under a test host this process is not the command; the command's program stands beside its assembly.
        return new WorkerLaunch(Path.GetFileNameWithoutExtension(program) is "dotnet" ? program : "dotnet", [dll, "worker"]);
    }
}
