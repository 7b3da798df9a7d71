using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

// What must hold, checked without asking the machines how they did it.
internal sealed partial class World
{
    private readonly List<LogEntry> _committed = [];
    private SimulatedJob? _ended;
    private bool _diverged;
    private bool _corrupted;
    private long _applied;

    /// <summary>All steps were committed: the job was not meant to fail by name.</summary>
    internal bool WentThrough => !_diverged && !_corrupted;

    /// <summary>Every micro-batch of the step is in the applied gradient exactly once.</summary>
    internal void CheckOnce(SimulatedSeat seat, Gradient root)
    {
        _applied++;
        var cut = Scenario.Plan.Cut(root.Step);
        for (var leaf = 0; leaf < cut.Count; leaf++)
        {
            var expected = cut.IsAbsent(TreeNode.Leaf(leaf)) ? 0 : 1;
            if (root.Counts[leaf] != expected) Violate($"{seat.Address} applies micro-batch {leaf} of step {root.Step} {root.Counts[leaf]} times");
        }
    }

    /// <summary>What a seat accepts carries the incarnation that it has promised itself to.</summary>
    internal void CheckFence(SimulatedSeat seat, in Message answer)
    {
        if (_workers.GetValueOrDefault(answer.To.Number) is not { } worker || worker.Worker.Lease != answer.Lease) return;
        if (answer.Lease >> 32 != seat.Shard.Incarnation) Violate($"{seat.Address} of incarnation {seat.Shard.Incarnation} accepts a push of incarnation {answer.Lease >> 32}");
    }

    internal void OnCommitted(SimulatedJob job, in Effect effect)
    {
        var entry = effect.Entry;
        var version = entry.IsEvaluation ? entry.Evaluation.Step : entry.Step.Step;
        if (job.Job.Incarnation != Store.Register?.Incarnation)
        {
            // A scheduler that has lost the job may still have committed the next step, if the shards had not heard of its successor.
            if (_committed.Count > 0 && (_committed[^1].IsEvaluation ? !entry.IsEvaluation && version == _committed[^1].Evaluation.Step : version == _committed[^1].Step.Step + 1)) _committed.Add(entry);
            return;
        }
        if (!entry.IsEvaluation) CheckReplicas(job, version);
        if (entry.IsEvaluation) _committed.RemoveAll(e => e.IsEvaluation ? e.Evaluation.Step >= version : e.Step.Step >= version);
        else _committed.RemoveAll(e => e.IsEvaluation ? e.Evaluation.Step > version : e.Step.Step >= version);
        _committed.Add(entry);
        if (Trace is not null) Trace($"{Now.TotalMilliseconds,10:F3} **** {job.Address} {job.Job.Incarnation} committed {(entry.IsEvaluation ? entry.Evaluation : entry.Step)}, {_committed.Count} records, its log is {(_committed.Aggregate(default(LogDigest), static (log, e) => e.AddTo(log)) == job.Job.Log ? "theirs" : "another")}");
        _faults.At(job.Job.Version);
    }

    /// <summary>When a step is committed, the replica that the incarnation names has its gradient, whatever happens next.</summary>
    private void CheckReplicas(SimulatedJob job, long step)
    {
        foreach (var shard in job.Job.Register!.Placement.Shards)
        {
            if (!shard.HasReplica || SeatAt(shard.Replica) is not { } seat) continue;
            var replica = seat.Shard;
            if (replica.Incarnation != job.Job.Incarnation || replica.Version > step || (replica.Version == step && replica.HasRoot)) continue;
            Violate($"step {step} is committed, but replica {seat.Address} stands at {replica.Version} without its gradient");
        }
    }

    /// <summary>Every shard has a replica that has opened the present step: one loss costs nothing.</summary>
    internal bool IsFullyReplicated()
    {
        if (Job?.Job is not { Register.Placement: { Shards.Length: > 0 } placement } job) return false;
        foreach (var shard in placement.Shards)
            foreach (var number in new[] { shard.Primary, shard.Replica })
                if (SeatAt(number) is not { IsAlive: true, Shard: { } seat } || seat.Incarnation != job.Incarnation || seat.Version < Math.Max(0, job.Version - 1)) return false;
        return true;
    }

    private void CheckEnd()
    {
        var record = Store.Register!;
        foreach (var control in Client.Acknowledged)
            if (control.Kind != ControlKind.Stop && !record.Controls.Contains(control)) Violate($"{control} was acknowledged and is not in the register");
        var oracle = new Oracle(Scenario, record.Controls);
        oracle.Run(Scenario.Plan.TotalSteps);
        if (_corrupted)
        {
            // A control or rollback may be recorded whose steps were not recomputed yet.
            if (record.Controls.IsEmpty) CompareRecords(oracle);
            return;
        }
        if (oracle.Diverged != _diverged) Violate($"the job {(_diverged ? "fails" : "succeeds")}, the oracle {(oracle.Diverged ? "fails" : "succeeds")}");
        CompareRecords(oracle);
        if (_diverged) return;
        if (_ended!.Job.Log != oracle.Log) Violate($"loss log {_ended.Job.Log}, the oracle's is {oracle.Log}");
        for (var s = 0; s < Scenario.Plan.Shards.Length; s++)
        {
            var seat = SeatAt(record.Placement.Shards[s].Primary)!;
            if (seat.MemoryVersion != Scenario.Plan.TotalSteps) Violate($"shard {s} ends at version {seat.MemoryVersion}");
            Compare(s, $"on {seat.Address}", seat.Weights, seat.Momentum, oracle);
        }
        CheckCheckpoint(record.Checkpoint, oracle);
    }

    private void CompareRecords(Oracle oracle)
    {
        if (_committed.Count != oracle.Records.Count && !_diverged && !_corrupted) Violate($"{_committed.Count} records, the oracle has {oracle.Records.Count}");
        for (var i = 0; i < Math.Min(_committed.Count, oracle.Records.Count); i++)
        {
            var (ours, theirs) = (_committed[i], oracle.Records[i]);
            if (ours.AddTo(default) != theirs.AddTo(default)) Violate($"record {i} is {(ours.IsEvaluation ? ours.Evaluation : ours.Step)}, the oracle's is {(theirs.IsEvaluation ? theirs.Evaluation : theirs.Step)}");
        }
    }

    private void CheckCheckpoint(CheckpointName name, Oracle oracle)
    {
        if (name.Version != Scenario.Plan.TotalSteps) Violate($"the last checkpoint is {name}");
        if (TornCheckpoints.Contains(name)) return;
        var (manifest, why) = Store.Verify(name);
        if (manifest is null) Violate($"the last checkpoint {name} does not verify: {why}");
        if (manifest!.Position.Log != oracle.Log || manifest.Position.Entries != oracle.Records.Count) Violate($"the last manifest says {manifest.Position}");
        for (var s = 0; s < Scenario.Plan.Shards.Length; s++) Compare(s, $"in {name}", Store.File(name, s)!.Weights, Store.File(name, s)!.Momentum, oracle);
    }

    private void Compare(int shard, string where, float[] weights, float[] momentum, Oracle oracle)
    {
        var first = Scenario.Plan.Shards[shard].FirstBlock * Scenario.BlockLength;
        if (!weights.AsSpan().SequenceEqual(oracle.Weights.AsSpan(first, weights.Length))) Violate($"weights of shard {shard} {where} differ from the oracle's");
        if (!momentum.AsSpan().SequenceEqual(oracle.Momentum.AsSpan(first, momentum.Length))) Violate($"momentum of shard {shard} {where} differs from the oracle's");
    }
}
