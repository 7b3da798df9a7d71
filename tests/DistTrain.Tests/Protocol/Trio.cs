using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

/// <summary>A job, its seats and workers in one process with a perfect network and hosts that allocate nothing: the smallest host there is.</summary>
internal sealed class Trio
{
    private readonly JobPlan _plan;
    private readonly ShardMachine[] _seats;
    private readonly WorkerMachine[] _workers;
    private readonly ReducedFigures[] _figures;
    private readonly TreeNode[] _cover;
    private readonly object _gradient = new();
    private readonly Queue<Message> _queue = new(256);
    private readonly EffectList _effects = new();
    private RegisterRecord? _register;

    internal Trio(JobPlan plan, int workers)
    {
        _plan = plan;
        Job = new JobMachine(plan, new Small.Rule());
        _seats = [.. plan.Shards.Select((_, s) => new ShardMachine(plan, s))];
        _workers = [.. Enumerable.Range(0, workers).Select(w => new WorkerMachine(plan, w, new WorkerHello($"worker-{w}", plan.Identity)))];
        _figures = [.. plan.Shards.Select(s => new ReducedFigures { Squares = new double[s.BlockCount], HasLoss = true, Loss = 1 })];
        _cover = new TreeNode[TreeNode.MostInCover(plan.MicroBatches)];
        Post(Job, new Message { Kind = MessageKind.Start, Payload = new JobStart(1, false) });
        foreach (var seat in _seats) Post(seat, new Message { Kind = MessageKind.Tick });
        foreach (var worker in _workers) Post(worker, new Message { Kind = MessageKind.Tick });
    }

    internal JobMachine Job { get; }

    internal List<JobEvent> Events { get; } = [];

    /// <summary>Every computation ends like this.</summary>
    internal string? Throws { get; init; }

    /// <summary>On the clock of all hosts.</summary>
    internal TimeSpan Now { get; set; } = TimeSpan.FromSeconds(1);

    internal double Square { set => _figures[0].Squares[0] = value; }

    /// <summary>Runs until so many steps are committed or nothing is left to do.</summary>
    internal void RunTo(long step)
    {
        while (Job.Version < step && _queue.TryDequeue(out var message)) Deliver(message);
    }

    internal void RunOne()
    {
        if (_queue.TryDequeue(out var message)) Deliver(message);
    }

    /// <summary>Nobody says anything, and the scheduler alone is run at this time.</summary>
    internal void TickJobAlone(TimeSpan now)
    {
        Now = now;
        _queue.Clear();
        Deliver(new Message { Kind = MessageKind.Tick, From = Address.Host, To = Address.Job, Job = _plan.Key });
    }

    internal void Post(IMachine machine, in Message message) => _queue.Enqueue(message with { Job = _plan.Key, From = message.From == default ? Address.Host : message.From, To = machine.Address });

    private void Deliver(in Message message)
    {
        IMachine? machine = message.To.Role switch { Role.Job => Job, Role.Seat => _seats[message.To.Number], Role.Worker => _workers[message.To.Number], _ => null };
        if (machine is null) return;
        machine.Handle(message, Now, _effects);
        for (var i = 0; i < _effects.Count; i++) Perform(machine, _effects[i]);
        _effects.Clear();
    }

    private void Perform(IMachine machine, in Effect effect)
    {
        var message = effect.Message;
        switch (effect.Kind)
        {
            case EffectKind.Send: _queue.Enqueue(message with { Digest = message.Kind == MessageKind.Push ? 1 : message.Digest }); break;
            case EffectKind.ReadRegister: Post(machine, new Message { Kind = MessageKind.RegisterRead, Payload = _register }); break;
            case EffectKind.WriteRegister:
                _register = (RegisterRecord)effect.Payload!;
                Post(machine, new Message { Kind = MessageKind.RegisterWritten, Flag = true, Payload = _register });
                break;
            case EffectKind.ListCheckpoints: Post(machine, new Message { Kind = MessageKind.CheckpointsListed, Payload = Array.Empty<CheckpointName>() }); break;
            case EffectKind.PublishManifest: Post(machine, message with { Kind = MessageKind.ManifestPublished, From = Address.Host, Flag = true }); break;
            case EffectKind.Load: Post(machine, message with { Kind = MessageKind.Loaded, From = Address.Host }); break;
            case EffectKind.Snapshot: Post(machine, message with { Kind = MessageKind.SnapshotWritten, From = Address.Host, Payload = _gradient }); break;
            case EffectKind.Norms: Post(machine, message with { Kind = MessageKind.NormsReady, From = Address.Host, Payload = _figures[machine.Address.Number] }); break;
            case EffectKind.Apply: Post(machine, message with { Kind = MessageKind.Applied, From = Address.Host, Step = message.Step + 1 }); break;
            case EffectKind.Compute: Compute(machine, message); break;
            case EffectKind.Event: Events.Add((JobEvent)effect.Payload!); break;
            default: break;
        }
    }

    private void Compute(IMachine machine, in Message lease)
    {
        if (Throws is not null)
        {
            Post(machine, new Message { Kind = MessageKind.ComputeFailed, Lease = lease.Lease, Text = Throws });
            return;
        }
        var evaluation = lease.Open.Kind == StepKind.Evaluate;
        var nodes = TreeNode.Cover(lease.Node.First, lease.Node.Count, evaluation ? _plan.EvaluationMicroBatches : _plan.MicroBatches, _cover);
        for (var i = 0; i < nodes; i++)
            Post(machine, new Message { Kind = MessageKind.Computed, Lease = lease.Lease, Node = _cover[i], Payload = evaluation ? null : _gradient, Totals = new EvaluationTotals(1, 1, _cover[i].Count) });
    }
}
