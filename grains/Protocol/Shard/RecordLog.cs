namespace DistTrain.Protocol;

/// <summary>Committed records since the last published checkpoint, in order. Every shard and replica keeps one: together with the checkpoint it is the job's whole memory.</summary>
internal sealed class RecordLog
{
    private readonly List<LogEntry> _entries = [];
    private long _lastStep = -1;
    private long _lastEvaluation = -1;

    internal IReadOnlyList<LogEntry> Entries => _entries;

    internal LogEntry[] Copy() => [.. _entries];

    internal void Clear(long version)
    {
        _entries.Clear();
        (_lastStep, _lastEvaluation) = (version - 1, version);
    }

    internal void Replace(IReadOnlyList<LogEntry> entries, long version)
    {
        Clear(version);
        _lastEvaluation = -1;
        foreach (var entry in entries)
        {
            _entries.Add(entry);
            if (entry.IsEvaluation) _lastEvaluation = entry.Evaluation.Step;
        }
    }

    internal void Add(in StepRecord record)
    {
        if (record.Step <= _lastStep) return;
        _entries.Add(new LogEntry(record));
        _lastStep = record.Step;
    }

    internal void Add(in EvaluationRecord record)
    {
        if (record.Step < 0 || record.Step <= _lastEvaluation) return;
        _entries.Add(new LogEntry(record));
        _lastEvaluation = record.Step;
    }

    /// <summary>Drops what a checkpoint of <paramref name="version"/> holds.</summary>
    internal void Trim(long version)
    {
        var kept = 0;
        while (kept < _entries.Count && (_entries[kept].IsEvaluation ? _entries[kept].Evaluation.Step <= version : _entries[kept].Step.Step < version)) kept++;
        _entries.RemoveRange(0, kept);
    }
}
