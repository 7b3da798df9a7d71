using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary><c>study exact</c>: the minimum of a job that has one in closed form (least squares and ridge, the SVM, PCA; behind kernelFeatures the kernel machines), beside what a run of it reached.</summary>
internal static class ExactStudy
{
    private const int MostFeatures = 2048;

    public static Verb Make()
    {
        var job = new JobOptions();
        var run = new Option<string?>("--run") { Description = "A run of the job, held beside the exact answer.", HelpName = "run" };
        var output = SharedOptions.Output();
        var verb = new Verb("exact", "Solves a linear job without training: least squares and ridge (loss mse), the support vector machine (hinge), principal components (model pca); with --run, how near a run came.", "disttrain study exact samples/jobs/kernel-ridge.yaml --run runs/kernel-ridge") { run, output };
        job.AddTo(verb);
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var place = parse.GetValue(run) is { } folder ? CheckpointPlace.Find(folder) : null;
            var plan = JobPlanner.Plan(job.Path(parse) is null && job.Overrides(parse).Count == 0 && place is not null ? place.Job() : job.Read(parse), shardsMatter: false);
            var trained = place?.Weights(plan).Weights;
            var solution = LinearProblem.Of(plan, MostFeatures).Solve(trained);
            if (terminal.Json)
            {
                var json = new JsonObject { ["problem"] = solution.Problem };
                foreach (var (name, exact, reached) in solution.Figures) json[name] = new JsonObject { ["exact"] = exact, ["run"] = reached };
                terminal.WriteJson(json);
                return ExitCode.Ok;
            }
            terminal.Out.WriteLine(solution.Problem);
            var table = new Table().Border(TableBorder.Simple).AddColumns("").AddColumn(new TableColumn("exact").RightAligned());
            if (trained is not null) table.AddColumn(new TableColumn("the run").RightAligned());
            foreach (var (name, exact, reached) in solution.Figures)
                table.AddRow(trained is null ? [name, Number(exact)] : [name, Number(exact), reached is { } value ? Number(value) : ""]);
            terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
            return ExitCode.Ok;
        });
        return verb;
    }

    private static string Number(double value) => value.ToString("G7", CultureInfo.InvariantCulture);
}
