using System.Text.RegularExpressions;
using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class JobMachineTests
{
    private static readonly JobPlan Plan = Small.Plan with { Samples = 160, Epochs = 400, CheckpointEvery = 0, EvaluationSamples = 0 };

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        // Records since the last checkpoint and the queue have grown to their most before measuring.
        var trio = new Trio(Plan with { MicroBatches = 8 }, workers: 3);
        trio.RunTo(1100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        trio.RunTo(1900);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal((1900L, 0L), (trio.Job.Version, allocated));
    }

    [Fact]
    public void A_job_runs_to_its_end_with_evaluations_and_checkpoints()
    {
        var trio = new Trio(Plan with { Epochs = 2, CheckpointEvery = 3, EvaluationSamples = 10, EvaluationMicroBatches = 4, EvaluateEvery = 5 }, workers: 2);
        trio.RunTo(long.MaxValue);
        Assert.Equal((JobState.Succeeded, 20L), (trio.Job.State, trio.Job.Version));
        Assert.Equal(new CheckpointName(20, 1), trio.Job.Register!.Checkpoint);
        Assert.Equal(7, trio.Events.Count(static e => e.Kind == JobEventKind.CheckpointPublished));
        Assert.Equal("the job has ended: Succeeded", trio.Job.Why());
    }

    [Fact]
    public void The_log_does_not_depend_on_the_number_of_workers_or_shards()
    {
        var logs = new HashSet<LogDigest>();
        foreach (var workers in new[] { 1, 2, 5 })
        {
            var trio = new Trio(Plan with { Epochs = 1 }, workers);
            trio.RunTo(long.MaxValue);
            logs.Add(trio.Job.Log);
        }
        Assert.Single(logs);
        Assert.NotEqual(default, logs.First());
    }

    [Theory]
    [InlineData(NonFinitePolicy.Skip, JobState.Succeeded, 10)]
    [InlineData(NonFinitePolicy.Halt, JobState.Failed, 0)]
    [InlineData(NonFinitePolicy.Rollback, JobState.Failed, 0)]
    public void A_gradient_that_is_not_finite_is_skipped_halts_or_rolls_back_three_times(NonFinitePolicy policy, JobState end, long steps)
    {
        var trio = new Trio(Plan with { Epochs = 1, OnNonFinite = policy }, workers: 2) { Square = double.NaN };
        trio.RunTo(long.MaxValue);
        Assert.Equal((end, steps), (trio.Job.State, trio.Job.Version));
        Assert.Equal(policy == NonFinitePolicy.Rollback ? 3 : 0, trio.Job.Register!.Rollbacks);
        Assert.Equal(policy == NonFinitePolicy.Rollback ? 3 : 0, trio.Job.Register.Controls.Count(static c => c is { Kind: ControlKind.ScaleLearningRate, Value: 0.5, Step: 0 }));
        if (end == JobState.Failed) Assert.StartsWith("step 0: the gradient norm is NaN", trio.Job.Register.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_control_holds_from_the_next_step_and_is_recorded_before_it_is_answered()
    {
        var trio = new Trio(Plan with { Epochs = 1 }, workers: 2);
        trio.RunTo(4);
        trio.Post(trio.Job, new Message { Kind = MessageKind.Control, From = new Address(Role.Client, 1), Payload = new Control("a", ControlKind.SetLearningRate, 0.125) });
        trio.Post(trio.Job, new Message { Kind = MessageKind.Control, From = new Address(Role.Client, 1), Payload = new Control("a", ControlKind.SetLearningRate, 0.125) });
        trio.RunTo(long.MaxValue);
        var control = Assert.Single(trio.Job.Register!.Controls);
        Assert.InRange(control.Step, 5, 6);
        Assert.Equal(JobState.Succeeded, trio.Job.State);
    }

    [Fact]
    public void Stop_saves_the_state_and_ends_as_stopped()
    {
        var trio = new Trio(Plan, workers: 2);
        trio.RunTo(4);
        trio.Post(trio.Job, new Message { Kind = MessageKind.Control, From = new Address(Role.Client, 1), Payload = new Control("a", ControlKind.Stop, 0) });
        trio.RunTo(long.MaxValue);
        Assert.Equal(JobState.Stopped, trio.Job.State);
        Assert.Equal(trio.Job.Version, trio.Job.Register!.Checkpoint.Version);
        Assert.Empty(trio.Job.Register.Controls);
    }

    [Theory]
    [InlineData(ControlKind.SetLearningRate, -1)]
    [InlineData(ControlKind.SetLearningRate, double.PositiveInfinity)]
    [InlineData(ControlKind.SetClipNorm, double.NaN)]
    [InlineData(ControlKind.ScaleLearningRate, 0.5)]
    public void A_control_that_makes_no_sense_is_refused_with_its_value(ControlKind kind, double value)
    {
        var trio = new Trio(Plan, workers: 1);
        trio.RunTo(2);
        var answer = trio.Job.Tell(new Message { Kind = MessageKind.Control, From = new Address(Role.Client, 1), Payload = new Control("a", kind, value) }).Sent(MessageKind.ControlAnswer);
        Assert.Contains($"{kind} cannot be {value}", answer!.Value.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Why_names_the_micro_batches_the_worker_and_the_times()
    {
        var trio = new Trio(Plan, workers: 2);
        trio.RunTo(3);
        for (var i = 0; i < 200 && !trio.Job.Waits.Any(static w => w.Kind == WaitKind.Leases && w.From.Role == Role.Worker); i++) trio.RunOne();
        Assert.Matches(new Regex(@"^step 3 waits for micro-batches [\d-]+ leased by worker-\d \(0\.0 s, usual 0\.0 s\); lease ends in 60\.0 s$"), trio.Job.Why());
    }

    [Fact]
    public void A_job_without_seats_or_workers_says_so()
    {
        var job = new JobMachine(Small.Plan, new Small.Rule());
        job.Tell(new Message { Kind = MessageKind.Start, From = Address.Host, Payload = new JobStart(1, false) });
        Assert.Equal("step 0 waits for the register to answer (0.0 s)", job.Why());
        job.Tell(new Message { Kind = MessageKind.RegisterRead, From = Address.Host });
        Assert.Equal("step 0 waits for hosts: 2 shards, 0 seats (0.0 s); given up in 300.0 s", job.Why());
        // Looked after all the time: a jump would be the scheduler's own stall.
        var reason = "";
        for (var seconds = 1.0; seconds <= 302 && reason.Length == 0; seconds += 0.25)
            foreach (var effect in job.Tell(new Message { Kind = MessageKind.Tick, From = Address.Host }, seconds))
                if (effect is { Kind: EffectKind.WriteRegister, Payload: RegisterRecord record }) reason = record.Reason;
        Assert.Equal("0 of 2 shards have a host after 300.2 s", reason);
    }

    [Fact]
    public void A_worker_that_differs_is_refused_by_name()
    {
        var trio = new Trio(Plan, workers: 1);
        trio.RunTo(1);
        var hello = new WorkerHello("gpu-3", Plan.Identity with { Data = "0123456789abcdef" });
        var refused = trio.Job.Tell(new Message { Kind = MessageKind.Join, From = Address.Worker(8), Payload = hello }).Sent(MessageKind.Refused)!.Value;
        Assert.Equal("its data is 0123456789ab, the job's is data", refused.Text);
    }

    [Fact]
    public void User_code_that_throws_alike_three_times_fails_the_job()
    {
        var trio = new Trio(Plan with { FailuresBeforeHalt = 3 }, workers: 1) { Throws = "index 7 is outside of layer conv1" };
        trio.RunTo(long.MaxValue);
        Assert.Equal(JobState.Failed, trio.Job.State);
        Assert.Equal("worker-0, step 0: index 7 is outside of layer conv1", trio.Job.Register!.Reason);
    }

    [Fact]
    public void Block_squares_are_summed_in_the_tree()
    {
        double[] squares = [1e16, 1, 1, 1, 1];
        Assert.Equal(1e16 + 1 + (1.0 + 1) + 1, JobMachine.SumOfSquares(squares, TreeNode.Root(5)));
        Assert.Equal(squares[0] + squares[1] + (squares[2] + squares[3]) + squares[4], JobMachine.SumOfSquares(squares, TreeNode.Root(5)));
    }
}
