using System.Collections.Immutable;

namespace DistTrain.Protocol;

/// <summary>
/// The scheduler of one job: it holds the job in the register, places shards on seats, opens steps, leases micro-batches,
/// decides, evaluates, saves, restores, and obeys controls. It never sees a tensor.
/// </summary>
/// <remarks>
/// <para>Phases. Reading the register -> Seating (enough seats?) -> Claiming (the incarnation goes up) -> Adopting (every placed seat
/// promises) -> if the states found do not fit together: Reviewing, Searching, Restoring -> Boundary (what is next?) -> Opening ->
/// Stepping -> Boundary ... -> Saving -> Ending -> Ended. Losing a seat leads back to Seating from anywhere.</para>
/// <para>Nothing is durable per step: what was decided is on the shards, since opening the next step carries it, and what is older is in the
/// last checkpoint. A job machine that starts again learns where it stands from them.</para>
/// </remarks>
public sealed partial class JobMachine : IMachine
{
    private enum Phase : byte { Unstarted, Reading, Seating, Claiming, Adopting, Reviewing, Searching, Restoring, Boundary, Opening, Stepping, Saving, Ending, Ended }

    private readonly JobPlan _plan;
    private readonly IStepRule _rule;
    private readonly Planted _planted;
    private readonly WorkerTable _workers = new();
    private readonly SeatTable _seats = new();
    private readonly LeaseTable _trainLeases = new();
    private readonly LeaseTable _evaluationLeases = new();
    private readonly List<Wait> _waits = [];
    private readonly Dictionary<string, int> _failures = new(StringComparer.Ordinal);

    private Phase _phase;
    private TimeSpan _phaseSince;
    private TimeSpan _resendAt = TimeSpan.MaxValue;
    private TimeSpan _checkAt;
    private ulong _instance;
    private bool _resume;
    private IReadOnlyCollection<int> _knownLost = [];
    private JobState _endState;
    private string _endText = "";

    // The call in progress.
    private TimeSpan _now;
    private EffectList _out = new();

    public JobMachine(JobPlan plan, IStepRule rule) : this(plan, rule, Planted.Nothing)
    {
    }

    internal JobMachine(JobPlan plan, IStepRule rule, Planted planted)
    {
        (_plan, _rule, _planted) = (plan, rule, planted);
        var shards = plan.Shards.Length;
        (_slots, _reduced, _squares, _updates2, _weights2) = (new Slot[2 * shards], new bool[shards], new double[plan.Blocks], new double[plan.Blocks], new double[plan.Blocks]);
        (_sides, _cross) = (new double[plan.Blocks], new double[plan.Blocks]);
        _evaluations = new TreeInbox(Math.Max(1, plan.EvaluationMicroBatches), Planted.Nothing);
        _totals = new EvaluationTotals[_evaluations.Entries];
        _saver = new CheckpointSaver(shards);
        _leases = _trainLeases;
    }

    public Address Address => Address.Job;

    /// <summary>Steps committed.</summary>
    public long Version => _version;

    public long Incarnation => _record?.Incarnation ?? 0;

    /// <summary>Digest of all records committed so far.</summary>
    public LogDigest Log => _log;

    /// <summary>As last confirmed by the register.</summary>
    public RegisterRecord? Register => _record;

    /// <summary>Workers alive.</summary>
    public int Workers => _workers.Count;

    public bool HasEnded => _phase == Phase.Ended;

    public JobState State => HasEnded ? _endState : JobState.Running;

    public TimeSpan NextWake
    {
        get
        {
            if (_phase is Phase.Ended or Phase.Unstarted) return TimeSpan.MaxValue;
            var next = _checkAt < _resendAt ? _checkAt : _resendAt;
            if (_registerResendAt < next) next = _registerResendAt;
            if (_phase == Phase.Boundary && _saveAgainAt > _now && _saveAgainAt < next) next = _saveAgainAt;
            if (_phase != Phase.Stepping) return next;
            var deadline = _leases.NextDeadline();
            if (deadline < next) next = deadline;
            if (Waiting == 0) return next;
            if (_plan.IsPiped && ShortCrewAt is var at && at > _now && at < next) next = at;
            var duplicate = _leases.NextDuplicate(_plan.Limits);
            return duplicate > _now && duplicate < next ? duplicate : next;
        }
    }

    public void Handle(in Message message, TimeSpan now, EffectList effects)
    {
        (_now, _out) = (now, effects);
        if (_phase == Phase.Ended)
        {
            if (_endState != JobState.Superseded && message.From.Role is Role.Worker or Role.Seat && message.Job == _plan.Key)
                _out.Send(To(message.From, MessageKind.Ended) with { Text = _endText });
            return;
        }
        if (message.Kind == MessageKind.Start && _phase == Phase.Unstarted && message.Payload is JobStart start) Start(start);
        if (_phase == Phase.Unstarted || (message.Kind != MessageKind.Tick && message.From.Role != Role.Host && message.Job != _plan.Key)) return;
        DiscountOwnStall();
        Hear(message);
        Dispatch(message);
        if (_phase != Phase.Ended) Watch();
    }

    private void Dispatch(in Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.Join: OnJoin(message); break;
            case MessageKind.Request: OnRequest(message); break;
            case MessageKind.WorkerAlive: OnWorkerAlive(message); break;
            case MessageKind.Evaluated: OnEvaluated(message); break;
            case MessageKind.Failed: OnFailed(message); break;
            case MessageKind.Leave: OnLeave(message); break;
            case MessageKind.Opened: OnOpened(message); break;
            case MessageKind.Reduced: OnReduced(message); break;
            case MessageKind.SeatAlive: OnSeatAlive(); break;
            case MessageKind.Adopted: OnAdopted(message); break;
            case MessageKind.Behind: OnBehind(message); break;
            case MessageKind.Restored: OnRestored(message); break;
            case MessageKind.Saved: OnSaved(message); break;
            case MessageKind.Alarm: OnAlarm(message); break;
            case MessageKind.Answer: OnAnswer(message); break;
            case MessageKind.Lost: OnLost(message); break;
            case MessageKind.Control: OnControl(message); break;
            case MessageKind.RegisterRead: OnRegisterRead(message); break;
            case MessageKind.RegisterWritten: OnRegisterWritten(message); break;
            case MessageKind.CheckpointsListed: OnCheckpointsListed(message); break;
            case MessageKind.CheckpointVerified: OnCheckpointVerified(message); break;
            case MessageKind.ManifestPublished: OnManifestPublished(message); break;
            default: break;
        }
    }

    private void Start(JobStart start)
    {
        (_instance, _resume, _knownLost) = (start.Instance, start.Resume, start.Lost);
        (_checkAt, _workersSince) = (_now + _plan.Limits.Heartbeat, _now);
        Enter(Phase.Reading);
        ReadRegister();
    }

    /// <summary>Whatever is due by now: silence, resends, leases that end, duplicates, limits.</summary>
    private void Watch()
    {
        if (_now >= _checkAt)
        {
            _checkAt = _now + _plan.Limits.Heartbeat;
            CheckSilence();
            if (_phase != Phase.Ended) CheckLimits();
        }
        if (_phase == Phase.Stepping) WatchLeases();
        if (_phase == Phase.Boundary && _saveAgainAt > TimeSpan.Zero && _now >= _saveAgainAt) Boundary();
        if (_now >= _registerResendAt) ResendRegister();
        if (_now >= _resendAt) Resend();
    }

    private void CheckLimits()
    {
        var waited = _now - _phaseSince;
        switch (_phase)
        {
            case Phase.Seating:
                if (waited > _plan.Limits.Seats) Fail($"{_seats.Count} of {_plan.Shards.Length} shards have a host after {waited.TotalSeconds:F1} s");
                else TrySeat();
                break;
            case Phase.Adopting or Phase.Opening when waited > 2 * _plan.Limits.Silence:
                LoseUnanswered();
                break;
            case Phase.Restoring when waited > _plan.Limits.Checkpoint:
                LoseUnanswered();
                break;
            case Phase.Boundary or Phase.Stepping when _workers.Count < _plan.MinimumWorkers && _now - _workersSince > _plan.Limits.Workers:
                Pause();
                break;
            case Phase.Boundary:
                Boundary();
                break;
            case Phase.Ending when waited > _plan.Limits.Seats:
                _endText += "; the register did not take it";
                Finish();
                break;
            default: break;
        }
        if (_saver.IsBusy && _now > _saver.Deadline) AbandonSave("it took longer than its limit");
    }

    private void Resend()
    {
        _resendAt = _now + _plan.Limits.Resend;
        switch (_phase)
        {
            case Phase.Adopting: SendToUnanswered(AdoptMessage); break;
            case Phase.Restoring: SendToUnanswered(RestoreMessage); break;
            case Phase.Opening: SendToUnanswered(OpenMessage); break;
            case Phase.Searching or Phase.Reviewing: AskStore(); break;
            default: break;
        }
        if (_saver.IsBusy) ResendSave();
    }

    private void Enter(Phase phase)
    {
        (_phase, _phaseSince, _resendAt) = (phase, _now, _now + _plan.Limits.Resend);
    }

    private void Fail(string why) => End(JobState.Failed, why);

    /// <summary>The last write; then Ended.</summary>
    private void End(JobState state, string why)
    {
        if (_phase is Phase.Ending or Phase.Ended) return;
        (_endState, _endText) = (state, why);
        _leases.Close();
        _saver.Stop();
        Enter(Phase.Ending);
        if (_record is null) Finish();
        else WriteIfNeeded();
    }

    /// <summary>The job is another scheduler's, whatever this one was about to do: it stops without a word to anybody.</summary>
    private void Supersede(RegisterRecord current)
    {
        (_endState, _endText, _writing) = (JobState.Superseded, $"another scheduler holds the job since incarnation {current.Incarnation}", null);
        _leases.Close();
        _saver.Stop();
        Finish();
    }

    private void Finish()
    {
        _phase = Phase.Ended;
        Report(JobEventKind.Ended, _endText.Length > 0 ? $"{_endState}: {_endText}" : $"{_endState}");
        if (_endState != JobState.Superseded)
        {
            for (var i = 0; i < _workers.Count; i++) _out.Send(To(Address.Worker(_workers[i].Number), MessageKind.Ended) with { Text = _endText });
            for (var i = 0; i < _seats.Count; i++) _out.Send(To(Address.Seat(_seats[i].Number), MessageKind.Ended) with { Text = _endText });
        }
        _out.Add(new Effect { Kind = EffectKind.Ended, Message = To(Address.Host, MessageKind.None) with { Step = _version }, State = _endState, Text = _endText });
    }

    private void Report(JobEventKind kind, string text) =>
        _out.Add(new Effect { Kind = EffectKind.Event, Payload = new JobEvent(kind, _version, text) });

    private Message To(Address to, MessageKind kind) =>
        new() { Kind = kind, From = Address, To = to, Job = _plan.Key, Incarnation = Incarnation };
}
