using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>Where and how a job runs on this machine. Nothing here changes a bit of the result.</summary>
public sealed record RunOptions
{
    /// <summary>Worker threads; with <see cref="Processes"/> above 0, unused.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>At least one for each stage of a pipeline: fewer are raised to that.</summary>
    public int Shards { get; init; } = 2;

    /// <summary>Stages of the pipeline; 1 = every worker runs the whole model.</summary>
    public int Pipeline { get; init; } = 1;

    /// <summary>Worker processes of this machine; 0 = worker threads of this process.</summary>
    public int Processes { get; init; }

    /// <summary>Compute threads of one worker; 0 = cores / workers, at least 1.</summary>
    public int ComputeThreads { get; init; }

    /// <summary>Where workers compute: cpu (auto too), gpu:N, opencl:N or ilgpu-cpu. Shards are on the CPU.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>null = the widest that runs well here.</summary>
    public InstructionSet? InstructionSet { get; init; }

    /// <summary>Folder of the run's checkpoints; empty = none are written.</summary>
    public string CheckpointFolder { get; init; } = "";

    /// <summary>Steps between checkpoints; 0 = only the last one. The last is written whenever there is a folder.</summary>
    public long CheckpointEvery { get; init; }

    /// <summary>How many of the newest checkpoints to keep, beside the best.</summary>
    public int KeepLast { get; init; } = 3;

    /// <summary>Which evaluation decides the best checkpoint.</summary>
    public KeepBest KeepBest { get; init; } = KeepBest.TestLoss;

    /// <summary>Go on from the newest checkpoint of the folder that verifies; without one, start anew.</summary>
    public bool Resume { get; init; }

    /// <summary>How worker processes are started; asked for where Processes is above 0.</summary>
    public WorkerLaunch? WorkerLaunch { get; init; }

    /// <summary>Start a new worker process for each that dies.</summary>
    public bool ReplaceWorkers { get; init; } = true;

    /// <summary>A worker process of which nothing is heard for this long is killed and replaced; it says a word every quarter of a second, computing or not. At least 1 s.</summary>
    public TimeSpan WorkerSilence { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a worker process may take until it is ready; the others train meanwhile.</summary>
    public TimeSpan WorkerStart { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Stop (with a checkpoint, as on cancellation) when exactly this many steps are committed; 0 = never.</summary>
    public long StopAfterSteps { get; init; }
}

public enum KeepBest
{
    None,
    TestLoss,
    TestAccuracy,
}

/// <summary>The command line that becomes a worker process of this job. Endpoint, token and job go to its standard input, never on the command line.</summary>
public sealed record WorkerLaunch(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Variables set for the child beside this process's own.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
