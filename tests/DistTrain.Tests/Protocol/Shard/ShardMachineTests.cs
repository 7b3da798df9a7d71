using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class ShardMachineTests
{
    private static readonly TreeNode Root = TreeNode.Root(4);

    private static ShardMachine Opened(Placement placement, long incarnation = 5)
    {
        var shard = Small.Shard(1, incarnation, placement);
        Assert.NotNull(shard.Tell(Small.Open(StepKind.Train, 0, incarnation)).Sent(MessageKind.Opened));
        return shard;
    }

    private static Message Norms(long step, long incarnation) =>
        new() { Kind = MessageKind.NormsReady, From = Address.Host, Incarnation = incarnation, Step = step, Digest = 3, Payload = new ReducedFigures { Squares = [4] } };

    [Fact]
    public void A_step_goes_from_pushes_to_reduced_to_applied_to_weights()
    {
        var shard = Opened(Small.Alone);
        Assert.Equal(Verdict.Accepted, shard.Tell(Small.Push(0, new TreeNode(0, 2), 5, 1)).Verdict());
        var last = shard.Tell(Small.Push(0, new TreeNode(2, 2), 5, 2));
        Assert.Equal((1, 1), (last.Count(EffectKind.Fold), last.Count(EffectKind.Norms)));
        Assert.NotNull(shard.Tell(Norms(0, 5)).Sent(MessageKind.Reduced));
        var applied = shard.Tell(Small.Open(StepKind.Train, 1, 5, Small.Decided(0)));
        Assert.Equal(1, applied.Count(EffectKind.Apply));
        Assert.NotNull(applied.Sent(MessageKind.Opened));
        Assert.Equal(1, shard.Version);
        var pull = new Message { Kind = MessageKind.Pull, From = Address.Worker(9), Incarnation = 5, Step = 1 };
        Assert.Null(shard.Tell(pull).Sent(MessageKind.Weights));
        Assert.Contains(shard.Waits, static w => w.Kind == WaitKind.Version);
        Assert.NotNull(shard.Tell(new Message { Kind = MessageKind.Applied, From = Address.Host, Incarnation = 5, Step = 1 }).Sent(MessageKind.Weights));
        Assert.NotNull(shard.Tell(pull).Sent(MessageKind.Weights));
    }

    [Fact]
    public void A_push_of_a_committed_step_changes_nothing()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, Root, 5, 1));
        shard.Tell(Small.Open(StepKind.Train, 1, 5, Small.Decided(0)));
        var late = shard.Tell(Small.Push(0, Root, 5, 1));
        Assert.Equal((Verdict.AlreadyCommitted, 1), (late.Verdict(), late.Count(EffectKind.Release)));
    }

    [Fact]
    public void An_early_push_is_asked_to_come_again()
    {
        var shard = Opened(Small.Alone);
        Assert.Equal(Verdict.NotYet, shard.Tell(Small.Push(1, Root, 5, 1)).Verdict());
        Assert.Equal(Verdict.NotYet, shard.Tell(Small.Push(0, Root, 6, 1)).Verdict());
    }

    [Fact]
    public void A_pull_that_carries_the_decision_commits_the_step()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, Root, 5, 1));
        var pull = new Message { Kind = MessageKind.Pull, From = Address.Worker(9), Incarnation = 5, Step = 1, Open = new OpenStep { Last = Small.Decided(0) } };
        Assert.Equal(1, shard.Tell(pull).Count(EffectKind.Apply));
    }

    [Fact]
    public void Answering_an_incarnation_refuses_the_one_before()
    {
        var shard = Opened(Small.Alone);
        Assert.NotNull(shard.Tell(Small.FromJob(MessageKind.Adopt, 6) with { Placement = Small.Alone }).Sent(MessageKind.Adopted));
        Assert.Equal(Verdict.StaleIncarnation, shard.Tell(Small.Push(0, Root, 5, 1)).Verdict());
        Assert.Equal(Verdict.StaleIncarnation, shard.Tell(Small.Open(StepKind.Train, 0, 5)).Verdict());
        var answer = shard.Tell(Small.FromJob(MessageKind.Adopt, 5) with { Placement = Small.Alone }).Sent(MessageKind.Answer)!.Value;
        Assert.Equal((Verdict.StaleIncarnation, 6L), (answer.Verdict, answer.Incarnation));
    }

    [Fact]
    public void Two_gradients_under_one_key_raise_an_alarm_with_names()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, TreeNode.Leaf(2), 5, 1));
        var effects = shard.Tell(Small.Push(0, TreeNode.Leaf(2), 5, 2, worker: 12));
        Assert.Equal(Verdict.Corrupt, effects.Verdict());
        Assert.Equal("worker 12 and another worker sent different gradients for step 0, micro-batches 2, shard 0", effects.Sent(MessageKind.Alarm)!.Value.Text);
    }

    [Fact]
    public void A_primary_never_says_reduced_without_its_replica()
    {
        var shard = Opened(Small.WithReplica);
        Assert.Equal(Address.Seat(3), shard.Tell(Small.Push(0, Root, 5, 1)).Sent(MessageKind.Mirror)!.Value.To);
        Assert.Null(shard.Tell(Norms(0, 5)).Sent(MessageKind.Reduced));
        Assert.Contains(shard.Waits, static w => w.Kind == WaitKind.Replica);
        var mirrored = new Message { Kind = MessageKind.Mirrored, From = Address.Seat(3), Incarnation = 5, Step = 0 };
        Assert.Null(shard.Tell(mirrored with { From = Address.Seat(4) }).Sent(MessageKind.Reduced));
        Assert.Null(shard.Tell(mirrored with { Incarnation = 4 }).Sent(MessageKind.Reduced));
        Assert.NotNull(shard.Tell(mirrored).Sent(MessageKind.Reduced));
    }

    [Fact]
    public void A_replica_takes_the_root_from_its_primary_only_and_applies_the_same_decision()
    {
        var replica = Small.Shard(3, 5, Small.WithReplica);
        replica.Tell(Small.Open(StepKind.Train, 0, 5));
        Assert.Equal(Verdict.Refused, replica.Tell(Small.Push(0, Root, 5, 1)).Verdict());
        var mirror = new Message { Kind = MessageKind.Mirror, From = Address.Seat(1), Incarnation = 5, Step = 0, Payload = new object() };
        Assert.Null(replica.Tell(mirror with { From = Address.Seat(2) }).Sent(MessageKind.Mirrored));
        Assert.NotNull(replica.Tell(mirror).Sent(MessageKind.Mirrored));
        Assert.Equal(1, replica.Tell(Small.Open(StepKind.Train, 1, 5, Small.Decided(0))).Count(EffectKind.Apply));
    }

    [Fact]
    public void A_replica_that_is_behind_asks_its_primary_for_the_state()
    {
        var replica = Small.Shard(3, 5, Small.WithReplica);
        Assert.Equal(Address.Seat(1), replica.Tell(Small.Open(StepKind.Train, 9, 5, Small.Decided(8))).Sent(MessageKind.NeedState)!.Value.To);
        var state = new Message { Kind = MessageKind.State, From = Address.Seat(1), Incarnation = 5, Step = 9, Payload = new ShardState([]) { Memory = new object() } };
        Assert.Equal(1, replica.Tell(state with { Step = 8 }).Count(EffectKind.Release));
        Assert.Equal(1, replica.Tell(state).Count(EffectKind.Install));
        Assert.NotNull(replica.Tell(Small.Open(StepKind.Train, 9, 5, Small.Decided(8))).Sent(MessageKind.Opened));
    }

    [Fact]
    public void A_late_opening_never_closes_what_was_opened_after_it()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, TreeNode.Leaf(0), 5, 1));
        Assert.DoesNotContain(shard.Tell(Small.Open(StepKind.Evaluate, 0, 5)), static e => e.Kind == EffectKind.Release);
        Assert.Equal(Verdict.Repeated, shard.Tell(Small.Push(0, TreeNode.Leaf(0), 5, 1)).Verdict());
    }

    [Fact]
    public void A_complete_root_outlives_its_incarnation_until_the_step_is_opened_again()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, Root, 5, 1));
        Assert.True(shard.Tell(Small.FromJob(MessageKind.Adopt, 6) with { Placement = Small.Alone }).Sent(MessageKind.Adopted)!.Value.Flag);
        Assert.Equal(1, shard.Tell(Small.Open(StepKind.Train, 1, 6, Small.Decided(0))).Count(EffectKind.Apply));

        var again = Opened(Small.Alone);
        again.Tell(Small.Push(0, Root, 5, 1));
        again.Tell(Small.FromJob(MessageKind.Adopt, 6) with { Placement = Small.Alone });
        Assert.Equal(1, again.Tell(Small.Open(StepKind.Train, 0, 6)).Count(EffectKind.Release));
        Assert.Equal(Verdict.Accepted, again.Tell(Small.Push(0, Root, 6, 1)).Verdict());
    }

    [Fact]
    public void A_decision_under_another_rate_than_the_one_opened_is_not_applied()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, Root, 5, 1));
        var other = new Decision(new StepRecord { Step = 0, Coefficient = 1, LearningRate = 0.25 });
        var effects = shard.Tell(Small.Open(StepKind.Train, 1, 5, other));
        Assert.Equal(0, effects.Count(EffectKind.Apply));
        Assert.NotNull(effects.Sent(MessageKind.Behind));
    }

    [Fact]
    public void A_state_of_a_dropped_past_is_forgotten_at_adoption()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, Root, 5, 1));
        shard.Tell(Small.Open(StepKind.Train, 1, 5, Small.Decided(0)));
        System.Collections.Immutable.ImmutableArray<Branch> branches = [new Branch(6, 0)];
        Assert.Equal(-1, shard.Tell(Small.FromJob(MessageKind.Adopt, 6) with { Placement = Small.Alone, Payload = branches }).Sent(MessageKind.Adopted)!.Value.Step);
    }

    [Fact]
    public void A_snapshot_is_taken_at_the_commit_and_its_failure_is_told()
    {
        var shard = Small.Shard(1, 5, Small.Alone);
        var open = Small.Open(StepKind.Train, 0, 5);
        var snapshot = shard.Tell(open with { Open = open.Open with { Save = true } }).Single(static e => e.Kind == EffectKind.Snapshot);
        Assert.Null(shard.Tell(Small.FromJob(MessageKind.AskSaved, 5)).Sent(MessageKind.Saved));
        var saved = shard.Tell(snapshot.Message with { Kind = MessageKind.SnapshotWritten, From = Address.Host, Text = "no space left" }).Sent(MessageKind.Saved)!.Value;
        Assert.Equal(("no space left", true), (saved.Text, saved.Payload is null));
        Assert.NotNull(shard.Tell(Small.FromJob(MessageKind.AskSaved, 5)).Sent(MessageKind.Saved));
    }

    [Fact]
    public void Another_jobs_messages_are_dropped()
    {
        var (shard, effects) = (Opened(Small.Alone), new EffectList());
        shard.Handle(Small.Push(0, Root, 5, 1) with { Job = 8, To = shard.Address }, TimeSpan.FromSeconds(1), effects);
        Assert.Equal([EffectKind.Release], effects.AsSpan().ToArray().Select(static e => e.Kind));
    }

    [Fact]
    public void What_was_promised_is_sent_again_until_the_step_is_over()
    {
        var shard = Opened(Small.Alone);
        shard.Tell(Small.Push(0, Root, 5, 1));
        shard.Tell(Norms(0, 5));
        Assert.NotNull(shard.Tell(new Message { Kind = MessageKind.Tick }, seconds: 3).Sent(MessageKind.Reduced));
        shard.Tell(Small.Open(StepKind.Train, 1, 5, Small.Decided(0)), seconds: 3);
        Assert.Null(shard.Tell(new Message { Kind = MessageKind.Tick }, seconds: 9).Sent(MessageKind.Reduced));
    }
}
