namespace DistTrain.Protocol;

// A step: open it on every shard, lease its micro-batches, decide when every shard has said Reduced.
public sealed partial class JobMachine
{
    private readonly bool[] _reduced;
    private readonly double[] _squares;
    private readonly TreeInbox _evaluations;
    private readonly EvaluationTotals[] _totals;
    private readonly double[] _updates2;
    private readonly double[] _weights2;
    private readonly double[] _sides;
    private readonly double[] _cross;
    private bool _hasSides;
    private int _measured;
    private OpenStep _open;
    private double _loss;
    private double _correct;
    private double _weight;

    /// <summary>Between two steps: what is next?</summary>
    private void Boundary()
    {
        if (_phase != Phase.Boundary) Enter(Phase.Boundary);
        if (_writing is null) AssignControls();
        if (_assigned.Count > 0) return;
        if (_plan.Replicated && MayAddReplica())
        {
            RaiseIncarnation("a seat is free for a missing replica");
            return;
        }
        var kind = NextKind();
        if (kind != StepKind.Hold && _workers.Count < _plan.MinimumWorkers) return;
        if (kind != StepKind.Hold)
        {
            Open(kind, kind == StepKind.Train && ShouldSave());
            return;
        }
        var saved = IsPublished(_version);
        if (!saved && (_saver.IsBusy || _now < _saveAgainAt)) return;
        Open(kind, !saved);
    }

    private StepKind NextKind() =>
        _plan.EvaluatesAt(_version) && _lastEvaluation.Step != _version ? StepKind.Evaluate
        : _version >= _plan.TotalSteps || _pausing || StopsAt(_version) || _rule.Stops(_trend) is not null ? StepKind.Hold
        : StepKind.Train;

    private bool MayAddReplica()
    {
        _taken.Clear();
        foreach (var seats in Placed.Shards)
            if (!seats.HasReplica && _seats.Free(Placed, _taken, seats.Primary, _now, _plan.Limits.Silence) != ShardSeats.None) return true;
        return false;
    }

    private void Open(StepKind kind, bool save)
    {
        Span<float> scalars = stackalloc float[StepScalars.Capacity];
        var (rate, count) = (0.0, 0);
        if (kind == StepKind.Train)
        {
            rate = LearningRateOf(_version);
            count = _rule.Scalars(_updates + 1, rate, scalars);
        }
        _open = new OpenStep
        {
            Kind = kind,
            Step = _version,
            Update = _updates + 1,
            LearningRate = rate,
            ClipNorm = kind == StepKind.Train ? ClipNormOf(_version) : 0,
            Policy = _plan.OnNonFinite,
            Scalars = new StepScalars(scalars[..count]),
            Last = _last,
            LastEvaluation = _lastEvaluation.Step == _version ? _lastEvaluation : new EvaluationRecord(-1, default),
            Save = save,
        };
        if (save) _saver.Begin(new CheckpointName(_version, Incarnation), Position(), [.. _records], _base, _now, _now + _plan.Limits.Checkpoint);
        Array.Clear(_reduced);
        Enter(Phase.Opening);
        ClearAnswers();
        for (var slot = 0; slot < _slots.Length; slot++)
            if (IsPlaced(slot)) _out.Send(OpenMessage(SeatOf(slot)));
    }

    private JobPosition Position() => new(_version, _updates, _log, _entries, _lastEvaluation) { Trend = _trend };

    private Message OpenMessage(Address seat) => To(seat, MessageKind.OpenStep) with { Open = _open, Step = _open.Step };

    private void OnOpened(in Message message)
    {
        var slot = SlotOf(message.From);
        if (_phase != Phase.Opening || slot < 0 || message.Incarnation != Incarnation || message.Step != _open.Step || message.Open.Kind != _open.Kind) return;
        _slots[slot].Answered = true;
        if (!AllAnswered()) return;
        if (_open.Kind == StepKind.Hold)
        {
            Enter(Phase.Saving);
            if (IsPublished(_version)) EndHere();
            else if (!_saver.IsBusy) SaveAgain("it was given up before every shard had opened it");
            return;
        }
        Enter(Phase.Stepping);
        _leases = _open.Kind == StepKind.Train ? _trainLeases : _evaluationLeases;
        var cut = _open.Kind == StepKind.Train ? _plan.Cut(_version) : _plan.EvaluationCut;
        if (_open.Kind == StepKind.Evaluate) _evaluations.Begin(cut);
        _leases.Open(cut, _plan.IsPiped ? Math.Max(1, _workers.Count / _plan.Stages.Length) : _workers.Count);
        GrantWaiting();
    }

    private void OnReduced(in Message message)
    {
        var fenced = message.Incarnation != Incarnation && !_planted.FenceOff;
        if (_phase != Phase.Stepping || _open.Kind != StepKind.Train || fenced || message.Step != _open.Step || message.Payload is not ReducedFigures figures) return;
        var slot = SlotOf(message.From);
        if (slot < 0 || slot % 2 != 0 || _reduced[slot / 2]) return;
        var shard = _plan.Shards[slot / 2];
        if (figures.Squares.Length != shard.BlockCount)
        {
            Fail($"shard {slot / 2} reports {figures.Squares.Length} blocks and owns {shard.BlockCount}");
            return;
        }
        figures.Squares.CopyTo(_squares, shard.FirstBlock);
        if (!_reduced.AsSpan().Contains(true)) (_measured, _hasSides) = (0, false);
        if (figures.Sides.Length == shard.BlockCount && figures.Cross.Length == shard.BlockCount)
        {
            figures.Sides.CopyTo(_sides, shard.FirstBlock);
            figures.Cross.CopyTo(_cross, shard.FirstBlock);
            _hasSides = true;
        }
        if (figures.Updates.Length == shard.BlockCount && figures.Weights.Length == shard.BlockCount)
        {
            figures.Updates.CopyTo(_updates2, shard.FirstBlock);
            figures.Weights.CopyTo(_weights2, shard.FirstBlock);
            _measured++;
        }
        if (figures.HasLoss) (_loss, _correct, _weight) = (figures.Loss, figures.Correct, figures.Weight);
        _reduced[slot / 2] = true;
        if (!_reduced.AsSpan().Contains(false)) Decide();
    }

    /// <summary>Sums of squares of the step's gradient by block, as its commit is told; frozen blocks have 0.</summary>
    public ReadOnlySpan<double> BlockSquares => _squares;

    /// <summary>The same of the update that made the step's weights, and of the weights before it; empty where it was not measured.</summary>
    public ReadOnlySpan<double> BlockUpdates => _measured == _reduced.Length ? _updates2 : [];

    public ReadOnlySpan<double> BlockWeights => _measured == _reduced.Length ? _weights2 : [];

    /// <summary>The commit, a pure function of the open step and the norms.</summary>
    private void Decide()
    {
        var (loss, factor) = _rule.Finish(_loss, _weight);
        if (_hasSides)
            for (var b = 0; b < _squares.Length; b++) _squares[b] = _rule.SumOfSquares(_squares[b], _cross[b], _sides[b], factor);
        var norm = Math.Sqrt(SumOfSquares(_squares, TreeNode.Root(_squares.Length))) * (_hasSides ? 1.0 : factor);
        var finite = double.IsFinite(norm);
        if (!finite && _open.Policy != NonFinitePolicy.Skip)
        {
            NotFinite(norm);
            return;
        }
        var record = new StepRecord
        {
            Step = _version,
            Epoch = _plan.EpochOf(_version),
            Loss = loss,
            Correct = _correct / _rule.LabelsPerSample,
            Samples = _plan.StepSamples(_version),
            Norm = norm,
            Coefficient = finite ? _rule.Coefficient(norm, _open.ClipNorm, factor) : 0,
            LearningRate = _open.LearningRate,
            Skipped = !finite,
        };
        if (!finite) Report(JobEventKind.StepSkipped, $"step {_version}: the gradient norm is {norm}, no update");
        CloseLeases();
        Commit(new LogEntry(record));
    }

    /// <summary>Blocks in the fixed tree: the same bits under any sharding.</summary>
    internal static double SumOfSquares(ReadOnlySpan<double> squares, TreeNode node) =>
        node.IsLeaf ? squares[node.First] : SumOfSquares(squares, node.Left) + SumOfSquares(squares, node.Right);

    private void NotFinite(double norm)
    {
        var what = $"step {_version}: the gradient norm is {norm}";
        if (_open.Policy == NonFinitePolicy.Halt) Fail(what);
        else if (_record!.Rollbacks >= 3) Fail($"{what} after three rollbacks");
        else
        {
            var to = _record.Checkpoint.Version;
            Report(JobEventKind.RolledBack, $"{what}; back to step {to} with half the learning rate");
            (_claimBranch, _claimCheckpoint) = (new Branch(0, to), _record.Checkpoint);
            _claimControl = new Control($"rollback-{_record.Rollbacks + 1}", ControlKind.ScaleLearningRate, 0.5, to);
            RaiseIncarnation(what);
        }
    }

    private void Commit(in LogEntry entry)
    {
        Append(entry);
        _out.Add(new Effect { Kind = EffectKind.Committed, Entry = entry, Message = To(Address.Host, MessageKind.None) with { Step = _version, Flag = !entry.IsEvaluation && _version <= _mostCommitted } });
        _mostCommitted = Math.Max(_mostCommitted, _version);
        Boundary();
    }

    private void OnEvaluated(in Message message)
    {
        var verdict = Take(message);
        _out.Send(To(message.From, MessageKind.Answer) with { Step = message.Step, Node = message.Node, Lease = message.Lease, Verdict = verdict });
        if (verdict == Verdict.Corrupt)
        {
            Fail($"{message.From} and another worker found different results for the evaluation of step {message.Step}, micro-batches {message.Node}");
            return;
        }
        if (verdict != Verdict.Accepted) return;
        _totals[_evaluations.Entry] = message.Totals;
        foreach (var fold in _evaluations.Folds) _totals[fold.Left] += _totals[fold.Right];
        if (!_evaluations.IsComplete) return;
        CloseLeases();
        Commit(new LogEntry(new EvaluationRecord(_version, _totals[_evaluations.RootPlace].Finished(_rule))));
    }

    private Verdict Take(in Message message)
    {
        if (message.Incarnation < Incarnation) return Verdict.StaleIncarnation;
        if (message.Incarnation > Incarnation) return Verdict.Refused;
        if (message.Step < _version || (message.Step == _version && _lastEvaluation.Step == _version)) return Verdict.AlreadyCommitted;
        if (_phase != Phase.Stepping || _open.Kind != StepKind.Evaluate || message.Step != _version) return Verdict.NotYet;
        var digest = Digest(message.Totals);
        return _evaluations.Offer(message.Node, digest);
    }

    private static ulong Digest(in EvaluationTotals totals)
    {
        var hash = BitConverter.DoubleToUInt64Bits(totals.Loss) * 0x9E3779B97F4A7C15;
        hash = (hash ^ (hash >> 29) ^ (ulong)totals.Correct) * 0xBF58476D1CE4E5B9;
        return (hash ^ (hash >> 32) ^ (ulong)totals.Samples ^ BitConverter.DoubleToUInt64Bits(totals.Weight)) * 0x94D049BB133111EB;
    }

    private void EndHere()
    {
        if (_version >= _plan.TotalSteps) End(JobState.Succeeded, "");
        else if (_rule.Stops(_trend) is { } why) End(JobState.Succeeded, why);
        else if (_pausing) End(JobState.Paused, $"fewer than {_plan.MinimumWorkers} workers for {_plan.Limits.Workers.TotalSeconds:F0} s");
        else End(JobState.Stopped, $"{_version} of {_plan.TotalSteps} steps are done");
    }
}
