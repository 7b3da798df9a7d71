using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training.Specs;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary><c>study path</c>: where optimizers go on a surface of two weights, with the product's own rules.</summary>
internal static class PathStudy
{
    private static readonly string[] Usual = ["sgd: {lr: 0.001}", "momentum: {lr: 0.001, mu: 0.9}", "rmsProp: {lr: 0.01}", "adam: {lr: 0.05}"];

    public static Verb Make()
    {
        var optimizers = new Option<string[]>("--optimizer") { Description = "An optimizer as a job names it, with its options: \"adam: {lr: 0.05}\". Repeatable; not given: four of them.", HelpName = "optimizer", AllowMultipleArgumentsPerToken = true };
        var surface = new Option<string>("--surface") { Description = $"{string.Join(", ", Catalog.BuiltIn.All<Surface>().Select(s => s.Name))}; with options: \"bowl: {{condition: 100}}\".", HelpName = "surface", DefaultValueFactory = _ => "rosenbrock" };
        var schedule = new Option<string>("--schedule") { Description = "The learning rate over the steps.", HelpName = "schedule", DefaultValueFactory = _ => "constant" };
        var from = new Option<string?>("--from") { Description = "Where paths begin; not given: the surface's place.", HelpName = "x,y" };
        var steps = new Option<int>("--steps") { Description = "Updates.", DefaultValueFactory = _ => 500 };
        var folder = new Option<string?>("--out") { Description = "Folder for path.csv and path.png.", HelpName = "folder" };
        var output = SharedOptions.Output();
        var verb = new Verb("path", "Runs optimizers of the catalogue over a surface of two weights, and writes and draws their paths.", "disttrain study path --surface saddle --optimizer sgd \"momentum: {lr: 0.01}\" --steps 300 --out paths") { optimizers, surface, schedule, from, steps, folder, output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            if (parse.GetValue(steps) is < 1 or > 1_000_000) throw new CommandException(ExitCode.Usage, $"--steps is {parse.GetValue(steps)}. It must be between 1 and 1,000,000.");
            var named = parse.GetValue(optimizers) is { Length: > 0 } given ? given : Usual;
            var over = ComponentText.Make<Surface>("--surface", parse.GetValue(surface)!);
            var rate = ComponentText.Make<Schedule>("--schedule", parse.GetValue(schedule)!);
            var start = Start(parse.GetValue(from));
            var paths = named.Select(text => (Name: text, Points: OptimizerPath.Of(ComponentText.Make<Optimizer>("--optimizer", text), rate, over, parse.GetValue(steps), start))).ToArray();
            var into = new StudyFolder(parse.GetValue(folder));
            into.Table("path.csv", "optimizer,step,x,y,value,gradientNorm", paths.SelectMany(p => p.Points.Select(at => $"\"{p.Name}\",{at.Step},{string.Join(',', new[] { at.X, at.Y, at.Value, at.GradientNorm }.Select(StudyFolder.Number))}")));
            into.Draw("path.png", Draw(over, paths.Select(p => p.Points)));
            if (terminal.Json)
                foreach (var (name, points) in paths)
                    terminal.WriteJson(new JsonObject { ["optimizer"] = name, ["steps"] = points[^1].Step, ["x"] = Terminal.Finite(points[^1].X), ["y"] = Terminal.Finite(points[^1].Y), ["value"] = Terminal.Finite(points[^1].Value, 12), ["least"] = Terminal.Finite(points.Min(p => p.Value), 12), ["gradientNorm"] = Terminal.Finite(points[^1].GradientNorm), ["files"] = new JsonArray([.. into.Files.Select(f => JsonValue.Create(f))]) });
            else Show(terminal, paths, into);
            return ExitCode.Ok;
        });
        return verb;
    }

    private static void Show(Terminal terminal, IEnumerable<(string Name, IReadOnlyList<PathPoint> Points)> paths, StudyFolder into)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("optimizer", "color");
        foreach (var column in new[] { "steps", "x", "y", "value", "least value", "gradient norm" }) table.AddColumn(new TableColumn(column).RightAligned());
        string[] colors = ["blue", "orange", "green", "red", "purple", "brown"];
        var row = 0;
        foreach (var (name, points) in paths)
        {
            var end = points[^1];
            table.AddRow([Markup.Escape(name), colors[row++ % colors.Length], $"{end.Step}", Number(end.X), Number(end.Y), Number(end.Value), Number(points.Min(p => p.Value)), Number(end.GradientNorm)]);
        }
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
        foreach (var file in into.Files) terminal.Out.WriteLine(file);
    }

    private static Picture Draw(Surface surface, IEnumerable<IReadOnlyList<PathPoint>> paths)
    {
        var window = surface.Window;
        var plot = new Plot(640, (int)Math.Round(640 * (window.Y1 - window.Y0) / (window.X1 - window.X0)), window);
        // Levels by the logarithm of the height above the lowest seen, so that a valley has lines too.
        var least = double.PositiveInfinity;
        for (var i = 0; i <= 200; i++)
            for (var k = 0; k <= 200; k++) least = Math.Min(least, surface.Value(window.X0 + i / 200.0 * (window.X1 - window.X0), window.Y0 + k / 200.0 * (window.Y1 - window.Y0)));
        plot.Levels((x, y) => 2 * Scalar64.Log(surface.Value(x, y) - least + 1e-2));
        var color = 0;
        foreach (var points in paths)
        {
            var line = points.Where(p => double.IsFinite(p.Value)).Select(p => (p.X, p.Y)).ToArray();
            plot.Line(line, Plot.Colors[color % Plot.Colors.Count]);
            if (line.Length > 0)
            {
                plot.Mark(line[0], (0, 0, 0), 6);
                plot.Mark(line[^1], Plot.Colors[color % Plot.Colors.Count], 9);
            }
            color++;
        }
        return plot.Picture;
    }

    private static (double, double)? Start(string? text)
    {
        if (text is null) return null;
        var parts = text.Split(',');
        return parts.Length == 2 && double.TryParse(parts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var x) && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var y) && double.IsFinite(x) && double.IsFinite(y)
            ? (x, y) : throw new CommandException(ExitCode.Usage, $"--from is {text}. It must be two numbers, such as -1.2,1.");
    }

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
