using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>One shard's file: its content as it lies on the disk, and the hash of what was written.</summary>
internal sealed record ShardFile(float[] Weights, float[] Momentum, ulong Hash)
{
    internal bool Verifies => Arithmetic.Hash(Momentum, Arithmetic.Hash(Weights)) == Hash;
}

/// <summary>What survives everything: the register and the checkpoint folder. Files may be torn or lost without a word.</summary>
internal sealed class SimulatedStore
{
    private readonly Dictionary<(CheckpointName, int), ShardFile> _files = [];
    private readonly SortedDictionary<CheckpointName, CheckpointManifest> _manifests = [];

    internal RegisterRecord? Register { get; private set; }

    internal bool RegisterIsDown { get; set; }

    internal bool IsDown { get; set; }

    internal IReadOnlyList<CheckpointName> Names => [.. _manifests.Keys];

    internal bool Write(RegisterRecord record, long expected)
    {
        if ((Register?.Revision ?? -1) != expected) return false;
        Register = record;
        return true;
    }

    internal void Put(CheckpointName name, int shard, ShardFile? file)
    {
        if (file is null) _files.Remove((name, shard));
        else _files[(name, shard)] = file;
    }

    internal ShardFile? File(CheckpointName name, int shard) => _files.GetValueOrDefault((name, shard));

    internal string? Publish(CheckpointManifest manifest)
    {
        if (Register!.Incarnation != manifest.Name.Incarnation) return $"incarnation {manifest.Name.Incarnation} is over";
        _manifests.TryAdd(manifest.Name, manifest);
        return null;
    }

    internal void LoseManifest(CheckpointName name) => _manifests.Remove(name);

    internal (CheckpointManifest? Manifest, string? Why) Verify(CheckpointName name)
    {
        if (!_manifests.TryGetValue(name, out var manifest)) return (null, "it has no manifest");
        for (var s = 0; s < manifest.Files.Length; s++)
        {
            if (File(name, s) is not { } file) return (null, $"the file of shard {s} is lost");
            if (!file.Verifies) return (null, $"the file of shard {s} is torn");
        }
        return (manifest, null);
    }
}
