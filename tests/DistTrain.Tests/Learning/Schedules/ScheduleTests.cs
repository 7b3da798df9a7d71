using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Schedules;

public sealed class ScheduleTests
{
    private const long Total = 1000, PerEpoch = 100;

    public static TheoryData<string> Names() => new(Catalog.BuiltIn.All<Schedule>().Select(s => s.Name));

    [Theory, MemberData(nameof(Names))]
    public void Every_rate_of_a_job_is_finite_not_negative_and_at_most_the_base_rate(string name)
    {
        var schedule = Components.Make<Schedule>(name);
        for (long step = 0; step < Total + 5; step++)
            Assert.InRange(schedule.Rate(0.1, step, Total, PerEpoch), 0.0, 0.1);
        Assert.InRange(schedule.Rate(0.1, 0, 1, 1), 0.0, 0.1);
    }

    [Theory, MemberData(nameof(Names))]
    public void Warm_up_grows_linearly_to_the_base_rate(string name)
    {
        var problems = new List<Problem>();
        var schedule = Catalog.BuiltIn.Create<Schedule>(name, new() { ["warmupSteps"] = 4 }, "spec", problems)!;
        Assert.Equal([0.25, 0.5, 0.75, 1.0, 1.0], Enumerable.Range(0, 5).Select(s => schedule.Rate(1.0, s, Total, PerEpoch)));
    }

    [Fact]
    public void Cosine_is_the_cosine()
    {
        var schedule = new Cosine(new(WarmupSteps: 100, End: 0.1));
        foreach (var step in new long[] { 100, 101, 333, 550, 999, 1000 })
            Assert.Equal(0.1 * (0.1 + 0.9 * 0.5 * (1 + Math.Cos(Math.PI * (step - 100) / 900.0))), schedule.Rate(0.1, step, Total, PerEpoch), 1e-15);
    }

    [Fact]
    public void Step_drops_at_whole_epochs()
    {
        var schedule = new StepSchedule(new(Every: 3, Gamma: 0.5));
        Assert.Equal([1, 1, 0.5, 0.5, 0.25, 0.125], new long[] { 0, 299, 300, 599, 600, 999 }.Select(s => schedule.Rate(1.0, s, Total, PerEpoch)));
    }

    [Fact]
    public void Linear_ends_at_its_share() =>
        Assert.Equal([1.0, 0.6, 0.2], new long[] { 0, 500, 1000 }.Select(s => Math.Round(new LinearSchedule(new(End: 0.2)).Rate(1.0, s, Total, PerEpoch), 12)));
}
