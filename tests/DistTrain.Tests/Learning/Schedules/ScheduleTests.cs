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
        Assert.Equal([0.25, 0.5, 0.75, 1.0], Enumerable.Range(0, 4).Select(s => schedule.Rate(1.0, s, Total, PerEpoch)));
        Assert.InRange(schedule.Rate(1.0, 4, Total, PerEpoch), 0.85, 1.0);
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

    [Fact]
    public void A_rate_that_waits_for_progress_falls_where_PyTorch_lets_it_fall()
    {
        // torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.5, patience=2, threshold=0.01, threshold_mode="abs", cooldown=1, min_lr=0.1) at rate 1.
        double[] losses = [1.0, 0.9, 0.895, 0.899, 0.91, 0.95, 0.93, 0.92, 0.92, 0.88, 0.88, 0.88, 0.88, 0.88, 0.88, 0.87, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9];
        double[] rates = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
        var schedule = new ReduceOnPlateau(new(2, 0.5, Watched.TestLoss, 0.01, 1, 0.1));
        var (progress, found) = (Progress.None, new List<double>());
        foreach (var loss in losses)
        {
            progress = schedule.Follow(progress, loss, 0);
            found.Add(schedule.Rate(1.0, 5, Total, PerEpoch, progress));
        }
        Assert.Equal(rates, found);
        var accurate = new ReduceOnPlateau(new(0, 0.5, Watched.TestAccuracy));
        Assert.Equal(1, accurate.Follow(accurate.Follow(Progress.None, 9, 0.5), 9, 0.6).Scale);
        Assert.Equal(0.5, accurate.Follow(accurate.Follow(Progress.None, 9, 0.5), 1, 0.5).Scale);
    }

    [Fact]
    public void Rates_that_fall_with_the_step_follow_their_formulas()
    {
        long[] steps = [0, 99, 100, 250, 499, 500, 750, 999];
        void Same(Schedule schedule, Func<double, double> formula) => Assert.All(steps, s => Assert.Equal(formula(s), schedule.Rate(1.0, s, Total, PerEpoch), 1e-14));
        Same(new Exponential(new(0.9)), s => Math.Pow(0.9, Math.Floor(s / 100)));
        Same(new InverseTime(new(0.01, 0.75)), s => 1 / Math.Pow(1 + 0.01 * s, 0.75));
        Same(new InverseRoot(new(100)), s => Math.Sqrt(100) * Math.Min(1 / Math.Sqrt(s + 1), (s + 1) * Math.Pow(100, -1.5)));
        Same(new MultiStep(new([2, 5], 0.3)), s => s < 200 ? 1 : s < 500 ? 0.3 : 0.09);
        Same(new MultiStep(new()), s => s < 500 ? 1 : s < 750 ? 0.1 : 0.01);
        Same(new Polynomial(new(2, 0.1)), s => 0.1 + 0.9 * Math.Pow(1 - s / 1000, 2));
        // Periods of 1, 2, 4 epochs: [0, 100), [100, 300), [300, 700), [700, 1500).
        Same(new CosineRestarts(new(1, 2)), s => 0.5 * (1 + Math.Cos(Math.PI * (s < 100 ? s / 100 : s < 300 ? (s - 100) / 200 : s < 700 ? (s - 300) / 400 : (s - 700) / 800))));
        Same(new CosineRestarts(new(3)), s => 0.5 * (1 + Math.Cos(Math.PI * (s % 300) / 300)));
    }
}
