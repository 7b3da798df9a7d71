using DistTrain.Cli;
using DistTrain.Training;

namespace DistTrain.Tests.Cli;

public sealed class MetricsFileTests : CommandFixture
{
    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(1000)]
    public void A_disk_that_runs_full_ends_the_file_and_not_the_run(int room)
    {
        var path = Path.Combine(Folder, "metrics.jsonl");
        using var disk = new FullDisk(room);
        using var file = new MetricsFile(path, _ => null, _ => disk);
        for (var step = 1; step <= 20; step++) file.Write(Step(step));
        file.Close();
        Assert.Equal($"{path} could not be written: No space left on device. The run went on without it.", file.Failure);
        Assert.True(disk.IsClosed);
        file.Write(Step(21));
    }

    [Fact]
    public void A_disk_that_fills_only_with_the_last_lines_is_found_when_the_file_is_closed()
    {
        using var disk = new FullDisk(0);
        using var file = new MetricsFile(Path.Combine(Folder, "metrics.jsonl"), _ => null, _ => disk);
        file.Write(new RunRecord { Kind = RunRecordKind.Step, Step = 1 });
        Assert.Null(file.Failure);
        file.Close();
        Assert.NotNull(file.Failure);
    }

    [Fact]
    public void Lines_are_on_disk_within_a_second_and_whole_after_closing()
    {
        var path = Path.Combine(Folder, "metrics.jsonl");
        using var file = new MetricsFile(path, _ => null);
        file.Write(new RunRecord { Kind = RunRecordKind.Warning, Text = "early" });
        for (var step = 1; step <= 20; step++) file.Write(Step(step));
        Assert.InRange(File.ReadAllLines(path).Length, 16, 21);
        file.Close();
        Assert.Equal((21, null), (File.ReadAllLines(path).Length, file.Failure));
    }

    // Five steps a second.
    private static RunRecord Step(long step) => new() { Kind = RunRecordKind.Step, Step = step, Loss = 1.0 / step, Seconds = 0.2 * step };

    private sealed class FullDisk(int room) : MemoryStream
    {
        public bool IsClosed => !CanWrite;

        public override void Write(ReadOnlySpan<byte> bytes)
        {
            if (Length + bytes.Length > room) throw new IOException("No space left on device");
            base.Write(bytes);
        }
    }
}
