using System.Collections.Immutable;

namespace DistTrain.Protocol;

// A piped job: micro-batches are leased to crews, a worker for each stage. A crew lasts as long as its lease; whoever waits then is of the next one.
public sealed partial class JobMachine
{
    private sealed record CrewEntry(long Lease, Crew Crew);

    private readonly List<CrewEntry> _crews = [];
    private readonly List<WorkerEntry> _standing = [];

    /// <summary>Leases what is free to as many crews as the waiting workers make.</summary>
    private void GrantCrews()
    {
        for (var size = CrewSize(); size > 0; size = CrewSize())
        {
            var duplicate = false;
            var crews = Math.Max(1, Waiting / _plan.Stages.Length);
            if (!_leases.TryTake(_crews.Count, crews, out var range))
            {
                if (!_leases.TrySlowest(-1, crews, _now, _plan.Limits, out var slowest, out range)) return;
                duplicate = true;
                Report(JobEventKind.LeaseDuplicated, $"micro-batches {range} of {HolderOf(slowest)} are repeated after {(_now - slowest.Since).TotalSeconds:F1} s");
            }
            Grant(Muster(size), range, duplicate);
        }
    }

    /// <summary>As many members as there are stages. With fewer workers some hold several stages; but not while another crew works, nor before whoever may still come has had the time.</summary>
    private int CrewSize()
    {
        var (waiting, stages) = (Waiting, _plan.Stages.Length);
        if (waiting >= stages) return stages;
        if (waiting == 0 || _crews.Count > 0) return 0;
        return waiting == _workers.Count || _now >= ShortCrewAt ? waiting : 0;
    }

    /// <summary>When those that wait no longer wait for others.</summary>
    private TimeSpan ShortCrewAt
    {
        get
        {
            if (_crews.Count > 0) return TimeSpan.MaxValue;
            var since = _phaseSince;
            for (var i = 0; i < _workers.Count; i++)
                if (_workers[i].Waiting && _workers[i].WaitingSince > since) since = _workers[i].WaitingSince;
            return since + 2 * _plan.Limits.Resend;
        }
    }

    /// <summary>Whoever has run a stage runs it again; the others fill what is left, by number.</summary>
    private Crew Muster(int size)
    {
        _standing.Clear();
        for (var i = 0; i < _workers.Count; i++)
            if (_workers[i].Waiting) _standing.Add(_workers[i]);
        var members = new WorkerEntry?[size];
        var stages = _plan.Stages.Length;
        for (var place = 0; place < size; place++)
        {
            members[place] = _standing.Find(w => w.Stage == place * stages / size);
            if (members[place] is { } again) _standing.Remove(again);
        }
        var crew = ImmutableArray.CreateBuilder<CrewMember>(size);
        for (var place = 0; place < size; place++)
        {
            if (members[place] is null)
            {
                members[place] = _standing[0];
                _standing.RemoveAt(0);
            }
            var first = place * stages / size;
            members[place]!.Stage = first;
            crew.Add(new CrewMember(members[place]!.Number, first, (place + 1) * stages / size - first));
        }
        return new Crew(crew.MoveToImmutable());
    }

    private void Grant(Crew crew, TreeNode range, bool duplicate)
    {
        var number = (Incarnation << 32) + ++_leaseNumber;
        _leases.Grant(new LeaseEntry(number, crew.Members[0].Worker, range, _now, _now + _plan.Limits.Lease, duplicate));
        _crews.Add(new CrewEntry(number, crew));
        // The last stage first: activations then find their lease there already, most of the time.
        for (var place = crew.Members.Length - 1; place >= 0; place--)
        {
            var worker = _workers.Find(crew.Members[place].Worker)!;
            (worker.Lease, worker.Waiting, worker.Awaits) = (number, false, WaitKind.None);
            worker.Granted = To(Address.Worker(worker.Number), MessageKind.Lease) with { Lease = number, Node = range, Step = _open.Step, Open = _open, Placement = Placed, Payload = crew };
            _out.Send(worker.Granted);
        }
    }

    /// <summary>A member has finished its part, or given up: then the lease is over for all.</summary>
    private void EndMember(WorkerEntry worker, in Message request)
    {
        if (worker.Lease == 0 || worker.Lease != request.Lease) return;
        var number = worker.Lease;
        worker.Lease = 0;
        if (request.Verdict == Verdict.GivenUp) Dissolve(number);
        else if (IsFinished(number) && _leases.TryFind(number, out var lease))
        {
            _leases.Finish(lease, _now);
            Remove(number);
        }
    }

    private bool IsFinished(long lease)
    {
        for (var i = 0; i < _workers.Count; i++)
            if (_workers[i].Lease == lease) return false;
        return true;
    }

    /// <summary>One who has finished its part is not missed.</summary>
    private void LoseMember(WorkerEntry lost)
    {
        if (lost.Lease != 0) Dissolve(lost.Lease);
    }

    /// <summary>What the crew has not finished is free again; those who are left are told, ask, and are of the next crews.</summary>
    private void Dissolve(long number)
    {
        if (_leases.TryFind(number, out var lease)) _leases.TakeBack(lease);
        for (var i = 0; i < _workers.Count; i++)
            if (_workers[i].Lease == number) Release(_workers[i]);
        Remove(number);
    }

    private void CloseCrews()
    {
        for (var i = 0; i < _workers.Count; i++)
            if (_workers[i].Lease != 0) Release(_workers[i]);
        _crews.Clear();
    }

    private void Release(WorkerEntry worker)
    {
        _out.Send(To(Address.Worker(worker.Number), MessageKind.TakenBack) with { Lease = worker.Lease });
        worker.Lease = 0;
    }

    private void Remove(long lease) => _crews.RemoveAll(c => c.Lease == lease);

    /// <summary>A member may have missed that its lease is over, or that it has another.</summary>
    private void HearMember(WorkerEntry worker, in Message alive)
    {
        if (alive.Lease == worker.Lease) (worker.Awaits, worker.AwaitedNode) = ((WaitKind)alive.Step, alive.Node);
        else if (worker.Lease > alive.Lease) _out.Send(worker.Granted);
        else _out.Send(To(alive.From, MessageKind.TakenBack) with { Lease = alive.Lease });
    }

    private string HolderOf(in LeaseEntry lease) => _plan.IsPiped ? CrewOf(lease.Worker) : NameOf(lease.Worker);

    private string CrewOf(int worker)
    {
        foreach (var entry in _crews)
            if (entry.Crew.PlaceOf(worker) >= 0) return $"the crew {string.Join(", ", entry.Crew.Members.Select(m => NameOf(m.Worker)))}";
        return NameOf(worker);
    }

    /// <summary>Of those who have not finished, the one that waits for nobody else.</summary>
    private int SlowestMember(in LeaseEntry lease)
    {
        WorkerEntry? slowest = null;
        for (var i = 0; i < _workers.Count; i++)
        {
            if (_workers[i].Lease != lease.Number) continue;
            if (slowest is null || _workers[i].Awaits is WaitKind.Computation or WaitKind.Weights) slowest = _workers[i];
        }
        return slowest?.Number ?? lease.Worker;
    }

    private string Doing(int number)
    {
        if (_workers.Find(number) is not { } worker) return "it is lost";
        var place = 0;
        Crew? crew = null;
        foreach (var entry in _crews)
            if (entry.Lease == worker.Lease) (crew, place) = (entry.Crew, entry.Crew.PlaceOf(number));
        string Neighbour(int side) => crew is not null && place + side >= 0 && place + side < crew.Members.Length ? NameOf(crew.Members[place + side].Worker) : "another";
        return worker.Awaits switch
        {
            WaitKind.Activation => $"{worker.Name} waits for the activations of micro-batches {worker.AwaitedNode} from {Neighbour(-1)}",
            WaitKind.ActivationGradient => $"{worker.Name} waits for the activation gradients of micro-batches {worker.AwaitedNode} from {Neighbour(1)}",
            WaitKind.Computation => $"{worker.Name} computes micro-batches {worker.AwaitedNode}",
            WaitKind.Weights => $"{worker.Name} waits for weights",
            WaitKind.Answers => $"{worker.Name} waits for answers",
            _ => $"{worker.Name} has not said what it does",
        };
    }
}
