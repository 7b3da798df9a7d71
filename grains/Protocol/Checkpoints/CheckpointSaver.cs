using System.Collections.Immutable;

namespace DistTrain.Protocol;

internal enum SaveStage : byte
{
    Idle,

    /// <summary>Shards write their files.</summary>
    Files,

    /// <summary>The store writes the manifest, which makes them a checkpoint.</summary>
    Manifest,

    /// <summary>The register is told.</summary>
    Pointing,
}

/// <summary>One checkpoint in the making: shard files, then the manifest, then the pointer. At most one is in flight; training does not wait for it.</summary>
internal sealed class CheckpointSaver(int shards)
{
    private readonly object?[] _files = new object?[shards];
    private readonly bool[] _saved = new bool[shards];
    private JobPosition _position = JobPosition.Initial;
    private ImmutableArray<LogEntry> _records = [];
    private CheckpointName _previous;

    internal SaveStage Stage { get; private set; }

    internal bool IsBusy => Stage != SaveStage.Idle;

    internal CheckpointName Name { get; private set; } = new(-1, -1);

    internal int Entries => _records.Length;

    internal TimeSpan Since { get; private set; }

    internal TimeSpan Deadline { get; private set; }

    internal void Begin(CheckpointName name, JobPosition position, ImmutableArray<LogEntry> records, CheckpointName previous, TimeSpan now, TimeSpan deadline)
    {
        (Stage, Name, Since, Deadline) = (SaveStage.Files, name, now, deadline);
        (_position, _records, _previous) = (position, records, previous);
        Array.Clear(_saved);
        Array.Clear(_files);
    }

    internal bool IsSaved(int shard) => _saved[shard];

    /// <summary>True when this was the last file.</summary>
    internal bool Saved(int shard, object? file)
    {
        if (Stage != SaveStage.Files || _saved[shard]) return false;
        (_saved[shard], _files[shard]) = (true, file);
        if (_saved.AsSpan().Contains(false)) return false;
        Stage = SaveStage.Manifest;
        return true;
    }

    internal CheckpointManifest Manifest() => new(Name, _position, [.. _files], _records, _previous);

    internal void Published() => Stage = SaveStage.Pointing;

    internal void Delay(TimeSpan by) => Deadline += by;

    internal void Stop() => Stage = SaveStage.Idle;
}
