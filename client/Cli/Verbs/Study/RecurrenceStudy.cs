using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using DistTrain.Training.Specs;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary><c>study rtrl</c>: the gradients of a recurrent layer by real-time recurrent learning beside those of back-propagation through time.</summary>
internal static class RecurrenceStudy
{
    private const double Tolerance = 1e-4;

    public static Verb Make()
    {
        var job = new JobOptions();
        var samples = new Option<int>("--samples") { Description = "Training samples, from the first.", DefaultValueFactory = _ => 4 };
        var output = SharedOptions.Output();
        var verb = new Verb("rtrl", "Computes the gradients of a job's rnn forward in time (real-time recurrent learning) and backward (BPTT), and compares them.", "disttrain study rtrl samples/jobs/shakespeare-rnn.yaml") { samples, output };
        job.AddTo(verb);
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            var plan = JobPlanner.Plan(job.Read(parse), shardsMatter: false);
            var data = plan.Job.Data.Train;
            if (parse.GetValue(samples) < 1 || parse.GetValue(samples) > data.Count) throw new CommandException(ExitCode.Usage, $"--samples is {parse.GetValue(samples)}. It must be between 1 and {data.Count}, the training samples.");
            var weights = plan.Network.Initialize(plan.Spec.Training.Seed);
            var (input, target, worst) = (new float[data.InputShape.Length], new int[data.TargetShape.Length], 0.0);
            var table = new Table().Border(TableBorder.Simple).AddColumns("sample", "parameter").AddColumn(new TableColumn("BPTT norm").RightAligned()).AddColumn(new TableColumn("RTRL norm").RightAligned()).AddColumn(new TableColumn("largest difference").RightAligned());
            for (var i = 0; i < parse.GetValue(samples); i++)
            {
                data.Read(i, input, target);
                IReadOnlyList<RecurrentGradient> found;
                try
                {
                    found = RealTimeRecurrence.Compare(plan.Network, plan.Loss, weights, input, System.Runtime.InteropServices.MemoryMarshal.Cast<int, float>(target), data.TargetShape, data.TargetKind);
                }
                catch (ShapeException unfit)
                {
                    throw new CommandException(ExitCode.Usage, unfit.Message);
                }
                foreach (var gradient in found)
                {
                    var (backward, forward) = (Math.Sqrt(gradient.Backward.Sum(g => (double)g * g)), Math.Sqrt(gradient.Forward.Sum(g => g * g)));
                    worst = Math.Max(worst, gradient.Difference);
                    if (terminal.Json) terminal.WriteJson(new JsonObject { ["sample"] = i, ["parameter"] = gradient.Parameter, ["bpttNorm"] = backward, ["rtrlNorm"] = forward, ["difference"] = gradient.Difference });
                    else table.AddRow($"train:{i}", gradient.Parameter, backward.ToString("G7", CultureInfo.InvariantCulture), forward.ToString("G7", CultureInfo.InvariantCulture), gradient.Difference.ToString("E1", CultureInfo.InvariantCulture));
                }
            }
            if (!terminal.Json)
            {
                terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
                terminal.Out.WriteLine(worst <= Tolerance ? "The same gradients both ways." : string.Create(CultureInfo.InvariantCulture, $"They differ by {worst:E1}, more than {Tolerance}."));
            }
            return worst <= Tolerance ? ExitCode.Ok : ExitCode.Findings;
        });
        return verb;
    }
}
