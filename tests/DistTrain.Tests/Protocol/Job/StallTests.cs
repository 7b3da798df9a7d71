using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

/// <summary>Silence that overlaps the scheduler's own stall is no evidence.</summary>
public sealed class StallTests
{
    private static readonly JobPlan Plan = Small.Plan with { Samples = 160, Epochs = 4, CheckpointEvery = 0, EvaluationSamples = 0 };

    [Theory, InlineData(1), InlineData(7), InlineData(300)]
    public void A_scheduler_that_stood_still_takes_nobody_for_lost_and_goes_on_in_its_incarnation(int seconds)
    {
        var trio = new Trio(Plan, workers: 3);
        trio.RunTo(4);
        trio.Now += TimeSpan.FromSeconds(seconds);
        trio.RunTo(long.MaxValue);
        Assert.Equal((JobState.Succeeded, 1L), (trio.Job.State, trio.Job.Register!.Incarnation));
        Assert.DoesNotContain(trio.Events, static e => e.Kind is JobEventKind.SeatLost or JobEventKind.WorkerLost or JobEventKind.LeaseExpired or JobEventKind.Restored);
        Assert.Equal(TimeSpan.FromSeconds(seconds) > Plan.Limits.Silence ? 1 : 0, trio.Events.Count(static e => e.Kind == JobEventKind.SchedulerStalled));
    }

    [Fact]
    public void Who_is_silent_after_the_stall_too_is_lost_after_the_usual_time_of_listening()
    {
        var trio = new Trio(Plan, workers: 2);
        trio.RunTo(4);
        var (heartbeat, silence) = (Plan.Limits.Heartbeat, Plan.Limits.Silence);
        var now = trio.Now + TimeSpan.FromSeconds(60);
        var resumed = now;
        for (; !trio.Events.Any(static e => e.Kind == JobEventKind.SeatLost) && now - resumed < 2 * silence; now += heartbeat) trio.TickJobAlone(now);
        Assert.Equal(2, trio.Events.Count(static e => e.Kind == JobEventKind.WorkerLost));
        Assert.InRange((now - resumed).TotalSeconds, (silence - heartbeat).TotalSeconds, (silence + 2 * heartbeat).TotalSeconds);
    }

    [Fact]
    public void A_scheduler_that_is_run_on_time_discounts_nothing()
    {
        var trio = new Trio(Plan, workers: 2);
        trio.RunTo(4);
        var (heartbeat, silence, began) = (Plan.Limits.Heartbeat, Plan.Limits.Silence, trio.Now);
        for (var now = began; now <= began + silence + 2 * heartbeat; now += heartbeat) trio.TickJobAlone(now);
        Assert.Contains(trio.Events, static e => e.Kind == JobEventKind.SeatLost);
        Assert.DoesNotContain(trio.Events, static e => e.Kind == JobEventKind.SchedulerStalled);
    }
}
