using System.CommandLine;
using System.Text.Json.Nodes;

namespace DistTrain.Cli;

internal static class BenchVerb
{
    public static Command Make()
    {
        var model = new Option<string>("--model") { Description = "mlp, lenet, resnet18, mobilenet, lstm, gpt, or another model of the catalogue that takes 32 x 32 colour images.", DefaultValueFactory = _ => "lenet" };
        var batch = new Option<int>("--batch") { Description = "Samples of a step.", DefaultValueFactory = _ => 64 };
        var threads = new Option<int>("--threads") { Description = "Compute threads.", DefaultValueFactory = _ => 1 };
        var seconds = new Option<double>("--seconds") { Description = "How long to measure.", DefaultValueFactory = _ => 5 };
        var microBatches = new Option<int>("--micro-batches") { Description = "M; 0 = as a job of this batch has it.", DefaultValueFactory = _ => 0 };
        var gemm = new Option<int?>("--gemm") { Description = "Measure the matrix product N x N x N instead.", HelpName = "N" };
        var kernels = new Option<bool>("--kernels") { Description = "Measure every kernel of the model's step beside its floor instead." };
        var accuracy = new Option<bool>("--accuracy") { Description = "Compare the sums of every op at the peer models' shapes with float64 instead." };
        var output = SharedOptions.Output();
        var verb = new Verb("bench", "Measures this machine: whole training steps of a model, or the matrix product.",
            "disttrain bench --model lenet --batch 64 --threads 1 -o json", "disttrain bench --gemm 1024 --threads 2", "disttrain bench --model resnet18 --kernels") { model, batch, threads, seconds, microBatches, gemm, kernels, accuracy, output };
        verb.SetAction((parse, cancellation) => Task.Run(() =>
        {
            var terminal = parse.Terminal(output);
            var (samples, parts, size) = (parse.GetValue(batch), parse.GetValue(microBatches), parse.GetValue(gemm));
            OneMeasurement(parse, [(gemm, [threads, seconds]), (kernels, [model, batch, threads, microBatches]), (accuracy, [threads])], [model, batch, threads, seconds, microBatches]);
            Within("--batch", samples, 1, 1 << 16);
            Within("--threads", parse.GetValue(threads), 1, 1024);
            Within("--seconds", parse.GetValue(seconds), 0.1, 3600);
            Within("--micro-batches", parts, 0, samples);
            if (size is not null) Within("--gemm", size.Value, 1, 16384);
            var result = parse.GetValue(accuracy) ? AccuracyBench.Run(parse.GetValue(threads))
                : parse.GetValue(kernels) ? KernelBench.Run(parse.GetValue(model)!, samples, parse.GetValue(threads), parts)
                : size is not null ? GemmBench.Run(size.Value, parse.GetValue(threads), parse.GetValue(seconds), cancellation)
                : StepBench.Run(parse.GetValue(model)!, samples, parse.GetValue(threads), parse.GetValue(seconds), parts, cancellation);
            if (terminal.Json) terminal.WriteJson(result);
            else if (parse.GetValue(accuracy)) AccuracyBench.Draw(terminal.Out, result);
            else if (parse.GetValue(kernels)) KernelBench.Draw(terminal.Out, result);
            else Draw(terminal, result);
            return ExitCode.Ok;
        }, cancellation));
        return verb;
    }

    // What an option asks for is done or refused, never left out in silence.
    private static void OneMeasurement(ParseResult parse, (Option Of, Option[] Takes)[] measurements, Option[] details)
    {
        var asked = measurements.Where(m => IsSet(m.Of)).ToArray();
        if (asked.Length > 1) throw new CommandException(ExitCode.Usage, $"{string.Join(" and ", asked.Select(m => m.Of.Name))} are set. They are different measurements: give one of them.");
        if (asked.Length == 0) return;
        var idle = details.Where(d => IsSet(d) && !asked[0].Takes.Contains(d)).Select(d => d.Name).ToArray();
        if (idle.Length > 0) throw new CommandException(ExitCode.Usage, $"{string.Join(" and ", idle)} {(idle.Length == 1 ? "is" : "are")} set, and {asked[0].Of.Name} does not take {(idle.Length == 1 ? "it" : "them")}: it takes {string.Join(", ", asked[0].Takes.Select(t => t.Name))}. Leave {(idle.Length == 1 ? "it" : "them")} out.");

        bool IsSet(Option option) => parse.GetResult(option) is { Implicit: false } && !(option is Option<bool> flag && !parse.GetValue(flag));
    }

    private static void Within(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most)) throw new CommandException(ExitCode.Usage, FormattableString.Invariant($"{name} is {value}. It must be between {least} and {most}."));
    }

    private static void Draw(Terminal terminal, JsonObject result)
    {
        foreach (var (name, value) in result) terminal.Out.WriteLine($"{name,-16}{value}");
    }
}
