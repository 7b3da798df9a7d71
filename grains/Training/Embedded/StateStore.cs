using System.Collections.Concurrent;
using System.Collections.Immutable;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// The durable side of an embedded job: checkpoints and the register, in one folder, written by one background thread while training
/// goes on. Without a folder everything is kept in memory and a save keeps nothing.
/// </summary>
internal sealed class StateStore : IDisposable
{
    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly ImmutableArray<ShardRange> _ranges;
    private readonly MachineSet _machines;
    private readonly LossLog _log;
    private readonly CheckpointStore? _store;
    private readonly RegisterFile? _file;
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private readonly Dictionary<CheckpointName, CheckpointDraft> _drafts = [];
    private RegisterRecord? _register;
    private RestoredCheckpoint? _restored;
    private float[]? _initial;

    public StateStore(ResolvedJob job, RunOptions options, IReadOnlyList<ShardRange> ranges, MachineSet machines, LossLog log, IFileSystem files)
    {
        (_job, _options, _ranges, _machines, _log) = (job, options, [.. ranges], machines, log);
        if (options.CheckpointFolder.Length > 0)
            (_store, _file) = (new CheckpointStore(files, options.CheckpointFolder), new RegisterFile(files, options.CheckpointFolder));
        _thread = new Thread(Work) { IsBackground = true, Name = "checkpoints" };
        _thread.Start();
    }

    /// <summary>There is a folder: what is saved can be restored.</summary>
    public bool IsDurable => _store is not null;

    /// <summary>Path of the newest manifest published or restored by this run.</summary>
    public string Newest { get; private set; } = "";

    /// <summary>Steps of the checkpoint that this run went on from; 0 for a fresh start.</summary>
    public long RestoredSteps { get; private set; }

    /// <summary>Writes a shard's snapshot; <paramref name="answer"/> then says what was written or why it was not.</summary>
    public void SaveShard(int shard, ShardMemory memory, Message answer) => Do(answer, () =>
    {
        if (_store is null) return answer with { Payload = new CheckpointFile("", 0, "") };
        var name = new CheckpointName(answer.Step, answer.Incarnation);
        if (!_drafts.TryGetValue(name, out var draft))
        {
            _drafts.Clear();
            _drafts[name] = draft = _store.Begin(answer.Step);
        }
        return answer with { Payload = _store.WriteShard(draft, shard, _ranges.Length, _job, new ShardSnapshot(memory.Range, memory.Snapshot())) };
    });

    public void Publish(CheckpointManifest manifest, Message answer) => Do(answer, () =>
    {
        if (_store is null) return answer with { Flag = true };
        if (!_drafts.Remove(manifest.Name, out var draft)) return answer with { Flag = false, Text = $"no shard of version {manifest.Name} was written here" };
        var evaluation = manifest.Position.LastEvaluation;
        Newest = _store.Publish(draft, new ManifestFile
        {
            Job = _job.Name, Identity = _job.Identity, LayoutSha256 = ManifestFile.LayoutHash(_job.Layout), Step = manifest.Name.Version, Updates = manifest.Position.Updates,
            Epoch = (int)(manifest.Name.Version / _job.StepsPerEpoch), Incarnation = manifest.Name.Incarnation, Records = manifest.Position.Entries, RecordsDigest = manifest.Position.Log.ToString(),
            LastEvaluation = new SavedEvaluation(evaluation.Step, evaluation.Totals.Loss, evaluation.Totals.Correct, evaluation.Totals.Samples),
            States = [.. _job.Optimizer.StateNames], Shards = [.. manifest.Files.Select(f => (CheckpointFile)f!)],
        }, _log.Copy(manifest.Position.Entries));
        _store.Prune(_job.Identity, _options.KeepLast, Score);
        return answer with { Flag = true };
    });

    public void List(Message answer) => Do(answer, () =>
    {
        var names = new List<CheckpointName>();
        if (_store is not null)
        {
            foreach (var manifest in _store.Manifests())
            {
                try
                {
                    var file = _store.ReadManifest(manifest);
                    if (file.Identity == _job.Identity) names.Add(new CheckpointName(file.Step, file.Incarnation));
                }
                catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
                {
                    _machines.Warn($"checkpoint {manifest} is passed over: {e.Message}");
                }
            }
        }
        return answer with { Payload = names.Distinct().ToList() };
    });

    /// <summary>Reads the whole checkpoint, so that the shards then load from memory.</summary>
    public void Verify(RestoreFrom wanted, Message answer) => Do(answer with { Lease = wanted.Name.Incarnation }, () =>
    {
        answer = answer with { Lease = wanted.Name.Incarnation };
        _restored = null;
        var problems = new List<string>();
        foreach (var name in _store?.Manifests().Reverse() ?? [])
        {
            try
            {
                var file = _store!.ReadManifest(name);
                if (new CheckpointName(file.Step, file.Incarnation) != wanted.Name) continue;
                _restored = _store.Restore(name, _job);
                return answer with { Payload = ToMachine(file) };
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                problems.Add($"{name}: {e.Message}");
            }
        }
        return answer with { Payload = null, Text = problems.Count > 0 ? string.Join("; ", problems) : "it is not in the store" };
    });

    public void ReadRegister(Message answer) => Do(answer, () =>
    {
        if (_register is null && ReadFile() is { } found)
        {
            // The seats it names ended with their process, and so did whoever asked to stop.
            _register = found with { Placement = Placement.Empty, Controls = found.Controls.RemoveAll(static c => c.Kind == ControlKind.Stop) };
        }
        return answer with { Payload = _register };
    });

    public void WriteRegister(RegisterRecord record, long revision, Message answer) => Do(answer, () =>
    {
        if ((_register?.Revision ?? -1) != revision) return answer with { Flag = false, Payload = _register };
        try
        {
            _file?.Write(record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody else holds this job, so what is in memory stays true as long as this process lives; training goes on, and the next write may succeed.
            _machines.Warn($"the register could not be written: {e.Message}");
        }
        _register = record;
        return answer with { Flag = true, Payload = record };
    });

    /// <summary>[1 + StateCount, Layout.Length] of a checkpoint, or [Layout.Length] of the initial weights.</summary>
    public ReadOnlySpan<float> VectorsOf(RestoreFrom wanted)
    {
        lock (_drafts)
        {
            if (wanted.Manifest is null)
            {
                if (_log.Count > 0) _log.Load([]);
                if (_initial is null) _job.Initialize(_initial = new float[_job.Layout.Length]);
                return _initial;
            }
            var restored = _restored ?? throw new InvalidDataException($"checkpoint {wanted.Name} was not read");
            if (restored.Manifest.Step != wanted.Name.Version) throw new InvalidDataException($"checkpoint {wanted.Name} was not read; step {restored.Manifest.Step} was");
            if (_log.Count != restored.Manifest.Records) _log.Load(restored.LossLog);
            (Newest, RestoredSteps) = (restored.Path, restored.Manifest.Step);
            return restored.Vectors;
        }
    }

    /// <summary>Waits for writes under way.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private RegisterRecord? ReadFile()
    {
        try
        {
            return _file?.Read();
        }
        catch (InvalidDataException e)
        {
            // Incarnations only fence seats against each other; this process has none yet.
            _machines.Warn(e.Message);
            return null;
        }
    }

    private double? Score(long step)
    {
        if (_options.KeepBest == KeepBest.None) return null;
        for (var i = _log.Count - 1; i >= 0; i--)
        {
            var record = _log[i];
            if (record.Kind == LossRecordKind.Evaluation && record.Step == step)
                return _options.KeepBest == KeepBest.TestLoss ? record.Loss : -(double)record.Correct / record.Samples;
        }
        return null;
    }

    private static CheckpointManifest ToMachine(ManifestFile file)
    {
        var e = file.LastEvaluation;
        return new CheckpointManifest(new CheckpointName(file.Step, file.Incarnation),
            new JobPosition(file.Step, file.Updates, LogDigest.Parse(file.RecordsDigest), file.Records, new EvaluationRecord(e.Step, new EvaluationTotals(e.Loss, e.Correct, e.Samples))),
            [.. file.Shards], [], CheckpointName.Initial);
    }

    // Whatever goes wrong with the disk is the answer's text: training decides, and goes on.
    private void Do(Message failed, Func<Message> work) => _work.Add(() =>
    {
        Message answer;
        try
        {
            answer = work();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotSupportedException)
        {
            answer = failed with { Payload = null, Flag = false, Text = e.Message };
            if (failed.Kind != MessageKind.CheckpointVerified) _machines.Warn(e.Message);
        }
        _machines.DeliverFromOutside(answer);
    });

    private void Work()
    {
        try
        {
            foreach (var action in _work.GetConsumingEnumerable()) action();
        }
        catch (Exception e)
        {
            _machines.Fail(e);
        }
    }
}
