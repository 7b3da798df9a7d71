using DistTrain.Cli;
using DistTrain.Training;

namespace DistTrain.Tests.Cli;

public sealed class ProgressMeterTests
{
    [Fact]
    public void Speed_and_time_left_follow_the_last_seconds()
    {
        var meter = new ProgressMeter(totalSteps: 200, stepsPerEpoch: 50);
        // 10 steps a second of 64 samples, then 20 a second.
        for (var step = 1; step <= 100; step++) meter.Add(Step(step, step / 10.0, loss: 1));
        Assert.Equal((2, 4, 50), (meter.Epoch, meter.Epochs, meter.Percent));
        Assert.Equal(640, meter.SamplesPerSecond, 3);
        Assert.InRange(meter.Left!.Value.TotalSeconds, 9.9, 10.5);
        for (var step = 101; step <= 199; step++) meter.Add(Step(step, 10 + (step - 100) / 20.0, loss: 1));
        Assert.InRange(meter.SamplesPerSecond, 641, 1280);
        Assert.InRange(meter.Left!.Value.TotalSeconds, 0, 0.6);
    }

    [Fact]
    public void The_shown_loss_starts_at_the_first_and_passes_over_what_is_not_finite()
    {
        var meter = new ProgressMeter(100, 10);
        meter.Add(Step(1, 0.1, loss: 2));
        Assert.Equal(2, meter.Loss, 12);
        meter.Add(Step(2, 0.2, loss: double.NaN));
        Assert.Equal(2, meter.Loss, 12);
        meter.Add(Step(3, 0.3, loss: 1));
        Assert.InRange(meter.Loss, 1.4, 1.6);
    }

    private static RunRecord Step(long step, double seconds, double loss) => new() { Kind = RunRecordKind.Step, Step = step, Seconds = seconds, Loss = loss, Samples = 64 };
}
