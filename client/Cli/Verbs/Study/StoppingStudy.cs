using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary><c>study stopping</c>: where early stopping would have ended a run, for several patiences, and the curves that it goes by.</summary>
internal static class StoppingStudy
{
    public static Verb Make()
    {
        var run = new Argument<string>("run") { Description = "A run's folder, with evaluations in its metrics.jsonl." };
        var patience = new Option<int[]>("--patience") { Description = "Evaluations without progress, several.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 2, 3, 5, 10] };
        var delta = new Option<double>("--min-delta") { Description = "How much lower a test loss counts as progress.", DefaultValueFactory = _ => 0 };
        var folder = new Option<string?>("--out") { Description = "Folder for stopping.csv and stopping.png (training loss blue, test loss orange, marks where each patience stops).", HelpName = "folder" };
        var output = SharedOptions.Output();
        var verb = new Verb("stopping", "Says where early stopping would have ended a run, what it would have kept, and what a longer run still gains.", "disttrain study stopping runs/digits --patience 1 3 10 --out curves") { run, patience, delta, folder, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var wanted = parse.GetValue(patience)!;
            if (wanted.Any(p => p < 1) || !(parse.GetValue(delta) >= 0)) throw new CommandException(ExitCode.Usage, $"--patience is {string.Join(" ", wanted)} and --min-delta {parse.GetValue(delta)}. They must be 1 or more, and 0 or more.");
            var curves = RunCurves.Read(parse.GetValue(run)!);
            var (train, test) = (Points(curves.TrainLoss), Points(curves.TestLoss));
            if (test.Length == 0) throw new CommandException(ExitCode.NotFound, $"{parse.GetValue(run)} has no evaluation yet. Train it to the end of an epoch, or set training.evaluateEvery.");
            var found = StoppingCurve.Of(test, wanted.Distinct().Order(), parse.GetValue(delta));
            var into = new StudyFolder(parse.GetValue(folder));
            into.Table("stopping.csv", "step,testLoss", test.Select(e => $"{e.Step},{StudyFolder.Number(e.Loss)}"));
            into.Draw("stopping.png", Draw(train, test, found));
            if (terminal.Json)
                foreach (var f in found) terminal.WriteJson(new JsonObject { ["patience"] = f.Patience, ["stoppedAt"] = f.StoppedAt, ["bestAt"] = f.BestAt, ["best"] = f.Best, ["lost"] = f.Lost, ["last"] = test[^1].Step, ["files"] = new JsonArray([.. into.Files.Select(file => JsonValue.Create(file))]) });
            else Show(terminal, found, test[^1].Step, into);
            return ExitCode.Ok;
        });
        return verb;
    }

    private static (long Step, double Loss)[] Points(DistTrain.Diagnosis.Curve curve) => [.. Enumerable.Range(0, curve.Count).Select(i => (curve.Steps[i], curve.Values[i]))];

    private static void Show(Terminal terminal, IReadOnlyList<StoppingPoint> found, long last, StudyFolder into)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in new[] { "patience", "stops at step", "steps saved", "best at step", "test loss kept", "a longer run gains" }) table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var f in found)
            table.AddRow($"{f.Patience}", f.StoppedAt is { } at ? at.ToString("N0", CultureInfo.InvariantCulture) : "never", f.StoppedAt is { } end ? ((last - end) / (double)last).ToString("P0", CultureInfo.InvariantCulture) : "", f.BestAt.ToString("N0", CultureInfo.InvariantCulture), f.Best.ToString("G6", CultureInfo.InvariantCulture), f.Lost.ToString("G3", CultureInfo.InvariantCulture));
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
        foreach (var file in into.Files) terminal.Out.WriteLine(file);
    }

    private static Picture Draw((long Step, double Loss)[] train, (long Step, double Loss)[] test, IReadOnlyList<StoppingPoint> found)
    {
        // The first steps' losses would flatten all that follows.
        var losses = test.Select(e => e.Loss).Concat(train.Skip(train.Length / 10).Select(e => e.Loss)).Where(double.IsFinite).ToArray();
        var (least, most, last) = (losses.Min(), losses.Max(), Math.Max(test[^1].Step, 1));
        var margin = Math.Max(0.05 * (most - least), 1e-9);
        var plot = new Plot(800, 400, (0, least - margin, 1.02 * last, most + margin));
        plot.Line([.. train.Select(e => ((double)e.Step, e.Loss))], Plot.Colors[0], 1);
        plot.Line([.. test.Select(e => ((double)e.Step, e.Loss))], Plot.Colors[1]);
        foreach (var f in found)
            if (f.StoppedAt is { } at) plot.Line([(at, least - margin), (at, most + margin)], Plot.Colors[3], 1);
        foreach (var f in found) plot.Mark((f.BestAt, f.Best), Plot.Colors[2], 9);
        return plot.Picture;
    }
}
