using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary><c>study variance</c>: trains a job on other draws of its data and says how much of the error is bias, variance and noise.</summary>
internal static class VarianceStudy
{
    public static Verb Make()
    {
        var job = new JobOptions();
        var members = new Option<int>("--members") { Description = "How many models are trained.", DefaultValueFactory = _ => 20 };
        var redraw = new Option<string>("--over") { Description = "bootstrap: each model's samples are drawn with replacement from the training set; data: the data are made anew by the seed (curve, digits).", DefaultValueFactory = _ => "bootstrap" }.AcceptOnlyFromAmong("bootstrap", "data");
        var along = new Option<string?>("--along") { Description = "A field of the job and its values, a study for each: \"data.transform.0.degree=1;3;9\".", HelpName = "path=a;b;c" };
        var noise = new Option<double?>("--noise") { Description = "Variance of the noise on the test targets, taken away from bias; the format curve knows its own.", HelpName = "variance" };
        var folder = new Option<string?>("--out") { Description = "Folder for variance.csv and, with --along, variance.png.", HelpName = "folder" };
        var output = SharedOptions.Output();
        var verb = new Verb("variance", "Trains a job on many draws of its data and splits the squared error of the test set into bias, variance and noise.", "disttrain study variance samples/jobs/curve-variance.yaml --over data --along \"data.transform.0.degree=1;3;9\"") { members, redraw, along, noise, folder, output };
        job.AddTo(verb);
        verb.SetAction((parse, cancellation) =>
        {
            var terminal = parse.Terminal(output);
            if (parse.GetValue(members) is < 2 or > 10_000) throw new CommandException(ExitCode.Usage, $"--members is {parse.GetValue(members)}. It must be between 2 and 10,000.");
            var over = parse.GetValue(redraw) == "data" ? Redraw.Data : Redraw.Bootstrap;
            var studies = new List<Found>();
            foreach (var (name, overrides) in Cases(parse.GetValue(along)))
            {
                var plan = JobPlanner.Plan(Read(job, parse, overrides), shardsMatter: false);
                studies.Add(Study(terminal, name, plan, Members(job, parse, overrides, plan, parse.GetValue(members), over), over, parse.GetValue(noise), cancellation));
            }
            Show(terminal, studies, new StudyFolder(parse.GetValue(folder)), parse.GetValue(members));
            return Task.FromResult(ExitCode.Ok);
        });
        return verb;
    }

    private sealed record Found(string Name, ErrorDecomposition Error, double TestNoise, double? TrainNoise, int Outputs);

    private static Found Study(Terminal terminal, string name, PlannedJob plan, IReadOnlyList<ResolvedJob> jobs, Redraw over, double? noise, CancellationToken cancellation)
    {
        var ready = 0;
        var predictions = RepeatedTraining.Predictions(jobs, Math.Min(Environment.ProcessorCount, plan.Spec.Cluster.Workers), (_, result) =>
        {
            var done = Interlocked.Increment(ref ready);
            lock (jobs) terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(name.Length > 0 ? $"{name}: " : "")}{done} of {jobs.Count} models, test loss {result.TestLoss:G5}"));
        }, cancellation);
        var (targets, outputs) = RepeatedTraining.Targets(plan.Job.Data.Test);
        // A made curve's test targets are the function itself; its noise is on the training targets, and so on what anybody would measure.
        var known = Catalog.BuiltIn.Create<DatasetFormat>(plan.Spec.Data.Format.Name, plan.Spec.Data.Format.Options, "spec.data.format", []) is NoisyCurve curve ? curve.NoiseVariance : (double?)null;
        return new Found(name, ErrorDecomposition.Of(predictions, targets, outputs), noise ?? 0, known, outputs);
    }

    private static IReadOnlyList<ResolvedJob> Members(JobOptions options, ParseResult parse, IReadOnlyList<SpecOverride> overrides, PlannedJob plan, int count, Redraw over)
    {
        var first = plan.Spec.Training.Seed;
        if (over == Redraw.Bootstrap) return [.. Enumerable.Range(0, count).Select(i => plan.Job with { Seed = first + (ulong)i, Sampling = Sampling.Bootstrap, Initialize = weights => plan.Network.Initialize(first + (ulong)i, weights) })];
        if (plan.Spec.Data.Format.Name is not ("curve" or "digits") || plan.Spec.Data.Format.Options?["seed"] is not null)
            throw new CommandException(ExitCode.Usage, $"--over is data, and the format is {plan.Spec.Data.Format.Name}{(plan.Spec.Data.Format.Options?["seed"] is null ? "" : " with a seed of its own")}. It must be one that makes its data by the job's seed: curve or digits without the option seed. Use --over bootstrap.");
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var seed = (first + (ulong)i).ToString(CultureInfo.InvariantCulture);
            var member = JobPlanner.Plan(Read(options, parse, [.. overrides, new SpecOverride("training.seed", seed, $"member {i + 1}")]), shardsMatter: false).Job;
            // All are asked about the same points.
            return member with { Data = member.Data with { Test = plan.Job.Data.Test } };
        })];
    }

    private static JobFile Read(JobOptions options, ParseResult parse, IReadOnlyList<SpecOverride> overrides)
    {
        IReadOnlyList<SpecOverride> all = [.. options.Overrides(parse), .. overrides];
        return options.Path(parse) is { } path ? JobOptions.Load(path, all) : JobFile.BuiltIn(all);
    }

    private static IEnumerable<(string Name, IReadOnlyList<SpecOverride> Overrides)> Cases(string? along)
    {
        if (along is null) return [("", [])];
        var equals = along.IndexOf('=', StringComparison.Ordinal);
        var values = equals < 1 ? [] : along[(equals + 1)..].Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (values.Length == 0) throw new CommandException(ExitCode.Usage, $"--along is {along}. It must be a field and its values, such as data.transform.0.degree=1;3;9.");
        return values.Select(value => ($"{along[..equals]}={value}", (IReadOnlyList<SpecOverride>)[SpecOverride.Parse($"{along[..equals]}={value}")]));
    }

    private static void Show(Terminal terminal, IReadOnlyList<Found> studies, StudyFolder into, int members)
    {
        into.Table("variance.csv", "case,biasSquared,variance,noise,error", studies.Select(s => $"\"{s.Name}\",{string.Join(',', new[] { s.Error.BiasSquared - s.TestNoise, s.Error.Variance, s.TrainNoise ?? s.TestNoise, s.Error.Error + (s.TrainNoise ?? 0) }.Select(StudyFolder.Number))}"));
        if (studies.Count > 1) into.Draw("variance.png", Draw(studies));
        if (terminal.Json)
        {
            foreach (var s in studies)
                terminal.WriteJson(new JsonObject { ["case"] = s.Name, ["members"] = members, ["biasSquared"] = s.Error.BiasSquared - s.TestNoise, ["variance"] = s.Error.Variance, ["noise"] = s.TrainNoise ?? s.TestNoise, ["error"] = s.Error.Error + (s.TrainNoise ?? 0), ["outputs"] = s.Outputs, ["files"] = new JsonArray([.. into.Files.Select(f => JsonValue.Create(f))]) });
            return;
        }
        var table = new Table().Border(TableBorder.Simple).AddColumns("case");
        foreach (var column in new[] { "bias²", "variance", "noise", "squared error", "reads" }) table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var s in studies)
        {
            var (bias, noise) = (s.Error.BiasSquared - s.TestNoise, s.TrainNoise ?? s.TestNoise);
            table.AddRow(Markup.Escape(s.Name.Length > 0 ? s.Name : "the job"), Number(bias), Number(s.Error.Variance), Number(noise), Number(s.Error.Error + (s.TrainNoise ?? 0)),
                s.Error.Variance > 2 * Math.Max(0, bias) ? "variance: more data, or a smaller model" : bias > 2 * s.Error.Variance ? "bias: a larger model, or train longer" : "balanced");
        }
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
        if (studies.Any(s => s.TrainNoise is null && s.TestNoise == 0)) terminal.Out.WriteLine("Noise of the test targets is not known, and is counted as bias; say it with --noise.");
        foreach (var file in into.Files) terminal.Out.WriteLine(file);

        static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
    }

    // Bias², variance and their sum over the cases, evenly apart.
    private static Picture Draw(IReadOnlyList<Found> studies)
    {
        var most = studies.Max(s => s.Error.Error);
        var plot = new Plot(640, 400, (-0.2, -0.05 * most, studies.Count - 0.8, 1.05 * most));
        Func<Found, double>[] curves = [s => s.Error.BiasSquared - s.TestNoise, s => s.Error.Variance, s => s.Error.Error - s.TestNoise];
        plot.Line([(-1, 0), (studies.Count, 0)], (200, 200, 200), 1);
        for (var c = 0; c < curves.Length; c++)
        {
            var points = studies.Select((s, i) => ((double)i, curves[c](s))).ToArray();
            plot.Line(points, Plot.Colors[c]);
            foreach (var point in points) plot.Mark(point, Plot.Colors[c]);
        }
        return plot.Picture;
    }
}
