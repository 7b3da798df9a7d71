using DistTrain.Cli;
using DistTrain.Training;

namespace DistTrain.Tests.Cli;

public sealed class EventFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("events").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_record_has_its_checksums_and_every_figure_its_tag_step_and_time()
    {
        var start = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
        using (var file = EventFile.Create(_folder, "job", start))
        {
            file.Write(new RunRecord { Kind = RunRecordKind.Step, Step = 7, Loss = 0.5, Accuracy = 0.25, LearningRate = 0.125, GradientNorm = 4, ClippedNorm = 1, Seconds = 2, Values = new Dictionary<string, double> { ["layer/0/gradNorm"] = 3 } });
            file.Write(new RunRecord { Kind = RunRecordKind.Event, Step = 7, Text = "not a point" });
            file.Write(new RunRecord { Kind = RunRecordKind.Evaluation, Step = 7, Loss = double.NaN, Accuracy = double.NaN, Seconds = 3 });
        }
        var path = Assert.Single(Directory.GetFiles(_folder));
        Assert.Equal("events.out.tfevents.1700000000.job", Path.GetFileName(path));
        var events = EventReader.Read(path).Select(e => e.ToString());
        Assert.Equal(
            ["1700000000 step 0 version brain.Event:2", "1700000002 step 7 loss/train=0.5 accuracy/train=0.25 learningRate=0.125 gradientNorm/before=4 gradientNorm/after=1 layer/0/gradNorm=3", "1700000003 step 7 loss/test=NaN"],
            events);
    }
}
