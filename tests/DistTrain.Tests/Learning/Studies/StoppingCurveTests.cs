using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Tests.Training;

namespace DistTrain.Tests.Learning.Studies;

public sealed class StoppingCurveTests
{
    [Fact]
    public void A_patience_stops_after_so_many_evaluations_without_progress_and_keeps_the_best_until_then()
    {
        (long, double)[] losses = [(10, 1.0), (20, 0.8), (30, 0.85), (40, 0.82), (50, 0.7), (60, 0.75), (70, 0.76), (80, 0.77)];
        var found = StoppingCurve.Of(losses, [1, 2, 3, 9]);
        Assert.Equal(new StoppingPoint(1, 30, 20, 0.8, 0.8 - 0.7), found[0]);
        Assert.Equal(new StoppingPoint(2, 40, 20, 0.8, 0.8 - 0.7), found[1]);
        Assert.Equal(new StoppingPoint(3, null, 50, 0.7, 0), found[2]); // its third is the run's last evaluation
        Assert.Equal(new StoppingPoint(9, null, 50, 0.7, 0), found[3]);
        Assert.Equal(30, StoppingCurve.Of(losses, [2], minDelta: 0.3)[0].StoppedAt);
    }

    [Fact]
    public void A_job_with_that_patience_really_ends_there()
    {
        // Far too high a rate: evaluations go up and down.
        var job = TestJobs.Mlp(new Adam(new(Lr: 0.3)), epochs: 4) with { EvaluateEvery = 1 };
        var whole = new LocalTrainer(job);
        whole.Run();
        var evaluations = Enumerable.Range(0, whole.Log.Count).Select(i => whole.Log[i]).Where(r => r.Kind == LossRecordKind.Evaluation).Select(r => (r.Step, r.Loss)).ToArray();
        var seen = 0;
        foreach (var point in StoppingCurve.Of(evaluations, [1, 2, 3]))
        {
            var stopped = new LocalTrainer(job with { EarlyStop = new EarlyStop(point.Patience) });
            Assert.Equal(point.StoppedAt ?? job.TotalSteps, stopped.Run().Steps);
            if (point.StoppedAt is not null) seen++;
        }
        Assert.True(seen > 0);
    }
}
