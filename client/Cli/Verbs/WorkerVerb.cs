using DistTrain.Training;

namespace DistTrain.Cli;

internal static class WorkerVerb
{
    /// <summary>This program again, as a worker process.</summary>
    public static WorkerLaunch Launch()
    {
        var program = Environment.ProcessPath!;
        var dll = Path.Combine(AppContext.BaseDirectory, "disttrain.dll");
        return Path.GetFileNameWithoutExtension(program) is "dotnet" ? new WorkerLaunch(program, [dll, "worker"]) : new WorkerLaunch(program, ["worker"]);
    }
}
