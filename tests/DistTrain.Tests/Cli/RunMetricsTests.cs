using System.Globalization;
using System.Text.Json.Nodes;

namespace DistTrain.Tests.Cli;

/// <summary>metrics of a run on this machine, in each form.</summary>
public sealed class RunMetricsTests : CommandFixture
{
    [Fact]
    public async Task A_finished_run_s_metrics_are_rows_objects_and_an_event_file()
    {
        Assert.Equal(0, (await Train("--set", "training.clipNorm=0.5")).Code);
        var run = Path.Combine(Runs, "digits");
        var lines = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(l => JsonNode.Parse(l)!).Where(l => (string)l["kind"]! is "step" or "evaluation").ToList();

        var rows = (await Run("metrics", run)).Lines;
        Assert.Equal("sequence,kind,step,epoch,seconds,loss,accuracy,samples,learning_rate,gradient_norm,clipped_norm,values", rows[0]);
        Assert.Equal(lines.Count, rows.Length - 1);
        foreach (var (line, cells) in lines.Zip(rows.Skip(1).Select(r => r.Split(','))))
        {
            Assert.Equal(((string)line["kind"]!, (long)line["step"]!), (cells[1], long.Parse(cells[2], CultureInfo.InvariantCulture)));
            Assert.Equal((long)line["step"]! / 10.0, Number(cells[3]));
            Assert.Equal(((double)line["loss"]!, (double)line["accuracy"]!), (Number(cells[5]), Number(cells[6])));
            if (cells[1] == "evaluation") Assert.Equal(["", "", ""], cells[8..11]);
            else Assert.Equal(((double)line["gradientNorm"]!, true), (Number(cells[9]), Math.Abs(Number(cells[10]) - Math.Min(0.5, Number(cells[9]))) < 1e-6));
        }

        var objects = (await Run("metrics", run, "--format", "json")).Lines.Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(lines.Select(l => (double)l["loss"]!), objects.Select(o => (double)o["loss"]!));
        Assert.Equal(Enumerable.Range(1, lines.Count), objects.Select(o => (int)o["sequence"]!));

        var folder = Path.Combine(Folder, "board");
        var ended = await Run("metrics", run, "--format", "tfevents", "--out", folder);
        var file = Assert.Single(Directory.GetFiles(folder));
        Assert.Equal((0, $"{file}: {lines.Count} points\n"), (ended.Code, ended.Out));
        var events = EventReader.Read(file).Skip(1).ToList();
        Assert.Equal(lines.Select(l => ((long)l["step"]!, (float)(double)l["loss"]!)), events.Select(e => (e.Step, e.Values[0].Item2)));

        static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_torn_last_line_is_left_out_and_what_was_no_number_stays()
    {
        Write("metrics.jsonl", """
            {"kind":"step","step":1,"loss":"NaN","accuracy":0.5,"learningRate":0.1,"gradientNorm":"Infinity","samples":8,"seconds":null,"values":{"layer/0/gradNorm":0.25}}
            {"kind":"event","step":1,"text":"joined","seconds":0.1}
            {"kind":"evaluation","step":1,"loss":2.5,"accu
            """);
        Assert.Equal(["1,step,1,,,,0.5,8,0.1,Infinity,,layer/0/gradNorm=0.25"], (await Run("metrics", Folder)).Lines[1..]);
    }

    [Fact]
    public async Task A_folder_that_is_no_run_and_an_option_without_use_are_named()
    {
        var none = await Run("metrics", Folder);
        Assert.Equal((3, $"{Folder} holds no run: there is no {Path.Combine(Folder, "metrics.jsonl")}. Name the folder of a run, such as runs/digits.\n"), (none.Code, none.Error));
        foreach (var verb in new[] { "metrics", "diagnose" })
        {
            var lost = await Run(verb, "runs/lost");
            Assert.Equal((3, "runs/lost is not there. Name a job of a cluster, or the folder of a run, such as runs/digits.\n"), (lost.Code, lost.Error));
        }
        var idle = await Run("metrics", Folder, "--out", "x");
        Assert.Equal((2, "--out is set, and --format is csv, which is printed. Set --format tfevents, or leave --out out.\n"), (idle.Code, idle.Error));
    }
}
