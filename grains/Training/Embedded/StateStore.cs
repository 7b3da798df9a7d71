using System.Collections.Immutable;
using DistTrain.Contracts;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>
/// A job's checkpoints, in one folder, written and read by one background thread while training goes on. Without a folder a save keeps nothing.
/// </summary>
internal sealed class StateStore
{
    private readonly ResolvedJob _job;
    private readonly RunOptions _options;
    private readonly ImmutableArray<ShardRange> _ranges;
    private readonly MachineSet _machines;
    private readonly LossLog _log;
    private readonly CheckpointStore? _store;
    private readonly BackgroundWork _work;
    private readonly bool _shared;
    private readonly Func<long> _recorded;
    private readonly Dictionary<CheckpointName, CheckpointDraft> _drafts = [];
    private readonly Lock _keeping = new();
    private readonly HashSet<int> _readers = [];
    private volatile RestoredCheckpoint? _restored;
    private volatile LoadedState? _initial;

    /// <param name="work">Where it is done.</param>
    /// <param name="recorded">Where several nodes write to the folder: the incarnation that the register has now; null in an embedded run.</param>
    public StateStore(ResolvedJob job, RunOptions options, IReadOnlyList<ShardRange> ranges, MachineSet machines, LossLog log, IFileSystem files, BackgroundWork work, Func<long>? recorded = null)
    {
        (_job, _options, _ranges, _machines, _log, _work) = (job, options, [.. ranges], machines, log, work);
        (_shared, _recorded) = (recorded is not null, recorded ?? (static () => 0));
        if (options.CheckpointFolder.Length > 0) _store = new CheckpointStore(files, options.CheckpointFolder);
    }

    /// <summary>There is a folder: what is saved can be restored.</summary>
    public bool IsDurable => _store is not null;

    /// <summary>Path of the newest manifest published or restored by this run.</summary>
    public string Newest { get; private set; } = "";

    /// <summary>Steps of the checkpoint that this run went on from; 0 for a fresh start.</summary>
    public long RestoredSteps { get; private set; }

    /// <summary>Writes a shard's snapshot; <paramref name="answer"/> then says what was written or why it was not.</summary>
    public void SaveShard(int shard, ShardMemory memory, Message answer) => _work.Do(() =>
    {
        if (_store is null) return answer with { Payload = new CheckpointFile("", 0, "") };
        using var span = TrainingSpans.Begin("checkpoint.shard", _machines.Job, answer.Step)?.SetTag("disttrain.shard", shard);
        var draft = Draft(new CheckpointName(answer.Step, answer.Incarnation));
        return answer with { Payload = _store.WriteShard(draft, shard, _ranges.Length, _job, new ShardSnapshot(memory.Range, memory.Snapshot())) };
    }, answer);

    private CheckpointDraft Draft(CheckpointName name)
    {
        // Nodes agree on the files' names without a word; one process alone takes names that are free.
        if (_shared) return _store!.Draft(name.Version, name.Incarnation);
        if (_drafts.TryGetValue(name, out var draft)) return draft;
        _drafts.Clear();
        return _drafts[name] = _store!.Begin(name.Version);
    }

    public void Publish(CheckpointManifest manifest, Message answer) => _work.Do(() =>
    {
        if (_store is null) return answer with { Flag = true };
        if (!_shared && !_drafts.ContainsKey(manifest.Name)) return answer with { Flag = false, Text = $"no shard of version {manifest.Name} was written here" };
        if (_shared && _recorded() != manifest.Name.Incarnation) return answer with { Flag = false, Text = $"the job is not in incarnation {manifest.Name.Incarnation} any more" };
        if (_shared && _store.Manifests().Contains(CheckpointStore.ManifestOf(Draft(manifest.Name)))) return answer with { Flag = true };
        using var span = TrainingSpans.Begin("checkpoint", _machines.Job, manifest.Name.Version);
        var draft = Draft(manifest.Name);
        _drafts.Remove(manifest.Name);
        var evaluation = manifest.Position.LastEvaluation;
        Newest = _store.Publish(draft, new ManifestFile
        {
            Job = _job.Name, Identity = _job.Identity, LayoutSha256 = ManifestFile.LayoutHash(_job.Layout), Step = manifest.Name.Version, Updates = manifest.Position.Updates,
            Epoch = (int)(manifest.Name.Version / _job.StepsPerEpoch), Incarnation = manifest.Name.Incarnation, Records = manifest.Position.Entries, RecordsDigest = manifest.Position.Log.ToString(),
            LastEvaluation = new SavedEvaluation(evaluation.Step, evaluation.Totals.Loss, evaluation.Totals.Correct, evaluation.Totals.Samples),
            Trend = manifest.Position.Trend, States = [.. _job.Optimizer.StateNames], Shards = [.. manifest.Files.Select(f => (CheckpointFile)f!)],
        }, _log.Copy(manifest.Position.Entries));
        _store.Prune(_job.Identity, _options.KeepLast, Score);
        return answer with { Flag = true };
    }, answer);

    public void List(Message answer) => _work.Do(() =>
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
    }, answer);

    /// <summary>Reads the whole checkpoint, so that shards of this process then load from memory.</summary>
    public void Verify(RestoreFrom wanted, Message answer)
    {
        answer = answer with { Lease = wanted.Name.Incarnation };
        _work.Do(() =>
        {
            var problems = new List<string>();
            // Asked again because the answer took long: what is verified stays, the scheduler may be reading it.
            var restored = _restored is { } verified && NameOf(verified.Manifest) == wanted.Name ? verified : null;
            if (restored is null)
            {
                _restored = null;
                _restored = restored = Find(wanted.Name, problems);
            }
            if (restored is not null) return answer with { Payload = ToMachine(restored.Manifest) };
            return answer with { Payload = null, Text = problems.Count > 0 ? string.Join("; ", problems) : "it is not in the store" };
        }, answer);
    }

    /// <summary>Reads the state that a shard is to take; the answer then carries it as [1 + StateCount, Layout.Length], or [Layout.Length] where the state is zero, held for whoever takes it.</summary>
    public void Read(int shard, RestoreFrom wanted, Message answer) => _work.Do(() =>
    {
        if (wanted.Manifest is null) return answer with { Step = 0, Payload = Initial(shard) };
        var restored = _restored is { } verified && NameOf(verified.Manifest) == wanted.Name ? verified : null;
        if (restored is null)
        {
            _restored = null;
            _restored = restored = Load(wanted.Name);
        }
        return answer with { Step = wanted.Name.Version, Payload = new LoadedState(restored.Vectors) };
    }, answer with { Step = -1 });

    private LoadedState Initial(int shard)
    {
        lock (_keeping)
        {
            if (_initial is null) _job.Initialize((_initial = new LoadedState(_job.Layout.Length)).Elements);
            var initial = _initial;
            initial.Hold();
            // The last shard's reading is the last of this state, unless one of them asks again.
            if (_readers.Add(shard) && _readers.Count == _ranges.Length) ForgetInitial();
            return initial;
        }
    }

    /// <summary>The shards train: nobody needs again what they began from, and it is not kept.</summary>
    public void Forget()
    {
        if (_initial is null && _restored is null) return;
        lock (_keeping) ForgetInitial();
        _restored = null;
    }

    private void ForgetInitial()
    {
        _initial?.Release();
        _initial = null;
        _readers.Clear();
    }

    /// <summary>Reads a checkpoint again, on the thread that asks.</summary>
    /// <exception cref="InvalidDataException">It does not verify.</exception>
    public RestoredCheckpoint Load(CheckpointName name)
    {
        var problems = new List<string>();
        return Find(name, problems) ?? throw new InvalidDataException(problems.Count > 0 ? string.Join("; ", problems) : $"checkpoint {name} is not in the store");
    }

    /// <summary>Published checkpoints of the job, newest first, on the thread that asks.</summary>
    public IReadOnlyList<CheckpointReport> Published(TimeProvider time)
    {
        var reports = new List<CheckpointReport>();
        foreach (var name in _store?.Manifests().Reverse() ?? [])
        {
            try
            {
                var manifest = _store!.ReadManifest(name);
                if (manifest.Identity != _job.Identity) continue;
                var path = Path.Combine(_store.Folder, name);
                var at = File.Exists(path) ? new DateTimeOffset(File.GetLastWriteTimeUtc(path)) : time.GetUtcNow();
                reports.Add(new CheckpointReport(manifest.Step, manifest.LastEvaluation.MeanLoss, manifest.LastEvaluation.Accuracy, at, manifest.Shards.Sum(s => s.Bytes) + manifest.LossLog.Bytes, path));
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                // It is passed over by a restore too, which then says why.
            }
        }
        return reports;
    }

    /// <summary>The job stands at this state of its past: the loss log is that of the checkpoint verified last, and what the shards hold beyond it.</summary>
    public void Recall(RecalledLog recalled)
    {
        if (recalled.Base == CheckpointName.Initial) _log.Load([]);
        else
        {
            var restored = _restored is { } verified && NameOf(verified.Manifest) == recalled.Base ? verified : Load(recalled.Base);
            _log.Load(restored.LossLog);
            (Newest, RestoredSteps) = (restored.Path, restored.Manifest.Step);
        }
        foreach (var entry in recalled.Since) _log.Append(LossLog.RecordOf(entry));
    }

    private RestoredCheckpoint? Find(CheckpointName wanted, List<string> problems)
    {
        foreach (var name in _store?.Manifests().Reverse() ?? [])
        {
            try
            {
                if (NameOf(_store!.ReadManifest(name)) == wanted) return _store.Restore(name, _job);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                problems.Add($"{name}: {e.Message}");
            }
        }
        return null;
    }

    private static CheckpointName NameOf(ManifestFile manifest) => new(manifest.Step, manifest.Incarnation);

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
            new JobPosition(file.Step, file.Updates, LogDigest.Parse(file.RecordsDigest), file.Records, new EvaluationRecord(e.Step, new EvaluationTotals(e.Loss, e.Correct, e.Samples))) { Trend = file.Trend },
            [.. file.Shards], [], CheckpointName.Initial);
    }
}
