using System.Net;
using DistTrain.Kernels;

namespace DistTrain.Grains;

/// <summary>What a silo does for training jobs.</summary>
public sealed class DistTrainOptions
{
    /// <summary>It holds parameter shards, and may hold a job's scheduler.</summary>
    public bool Shards { get; set; } = true;

    /// <summary>Workers of one job that it runs at most; 0 = none.</summary>
    public int Workers { get; set; } = 1;

    /// <summary>Compute threads of one worker; 0 = cores / workers, at least 1.</summary>
    public int ComputeThreads { get; set; }

    /// <summary>Where its workers compute: auto, cpu, gpu:N, opencl:N or ilgpu-cpu.</summary>
    public string Device { get; set; } = "auto";

    /// <summary>What auto comes to on this silo: an accelerator is only used where it is named.</summary>
    public string DeviceHere => Device is "auto" ? "cpu" : Device;

    /// <summary>For people.</summary>
    public string Name { get; set; } = Environment.MachineName;

    /// <summary>Where its tensor lane listens; port 0 takes a free one.</summary>
    public IPEndPoint Lane { get; set; } = new(IPAddress.Loopback, 0);

    /// <summary>IP address by which others reach the lane; empty = the one that it listens on.</summary>
    public string LaneAddress { get; set; } = "";

    /// <summary>Signs the right to open tensor streams, at least 32 bytes, the same on every silo. Empty: a constant that protects nothing, for loopback only.</summary>
    public byte[] ClusterKey { get; set; } = [];

    /// <summary>A folder that every silo reaches: checkpoints of jobs go to StateFolder/jobs/&lt;id&gt;/checkpoints.</summary>
    public string StateFolder { get; set; } = "runs/cluster";

    /// <summary>Relative data paths of specs begin here.</summary>
    public string DataFolder { get; set; } = ".";

    /// <summary>Workers, shards or both; a gateway does neither.</summary>
    public bool Trains => Shards || Workers > 0;

    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (Workers is < 0 or > 1024) problems.Add($"workers is {Workers}. It must be 0 to 1024.");
        if (ComputeThreads is < 0 or > 1024) problems.Add($"threads is {ComputeThreads}. It must be 0 to 1024; 0 shares the cores among the workers.");
        if (Workers > 0 && !Devices.IsHere(Device))
            problems.Add($"device is {Device}, which is not on this machine{(Devices.BuiltWithAccelerators ? "" : " or not in this build, which has no accelerators")}. Here: {string.Join(", ", ["cpu", .. Devices.PresentAccelerators()])}.");
        if (StateFolder.Length == 0) problems.Add("state is empty. It must be a folder that every silo reaches.");
        if (!Trains) return problems;
        if (ClusterKey.Length == 0 && !IPAddress.IsLoopback(Lane.Address)) problems.Add($"the lane listens on {Lane.Address} and no cluster key is set. Set one of at least 32 bytes (cluster-key-file), or listen on loopback.");
        if (ClusterKey.Length is > 0 and < 32) problems.Add($"the cluster key has {ClusterKey.Length} bytes. It must have at least 32; make one with: head -c 32 /dev/urandom | base64");
        return problems;
    }
}
