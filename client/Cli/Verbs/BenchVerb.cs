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
        var gemm = new Option<int>("--gemm") { Description = "Measure the matrix product N x N x N instead.", DefaultValueFactory = _ => 0, HelpName = "N" };
        var kernels = new Option<bool>("--kernels") { Description = "Measure every kernel of the model's step beside its floor instead." };
        var accuracy = new Option<bool>("--accuracy") { Description = "Compare the sums of every op at the peer models' shapes with float64 instead." };
        var output = SharedOptions.Output();
        var verb = new Verb("bench", "Measures this machine: whole training steps of a model, or the matrix product.",
            "disttrain bench --model lenet --batch 64 --threads 1 -o json", "disttrain bench --gemm 1024 --threads 2", "disttrain bench --model resnet18 --kernels") { model, batch, threads, seconds, microBatches, gemm, kernels, accuracy, output };
        verb.SetAction((parse, cancellation) => Task.Run(() =>
        {
            var terminal = parse.Terminal(output);
            var (samples, parts, size) = (parse.GetValue(batch), parse.GetValue(microBatches), parse.GetValue(gemm));
            Within("--batch", samples, 1, 1 << 16);
            Within("--threads", parse.GetValue(threads), 1, 1024);
            Within("--seconds", parse.GetValue(seconds), 0.1, 3600);
            Within("--micro-batches", parts, 0, samples);
            Within("--gemm", size, 0, 16384);
            var result = parse.GetValue(accuracy) ? AccuracyBench.Run(parse.GetValue(threads))
                : parse.GetValue(kernels) ? KernelBench.Run(parse.GetValue(model)!, samples, parse.GetValue(threads), parts)
                : size > 0 ? GemmBench.Run(size, parse.GetValue(threads), parse.GetValue(seconds), cancellation)
                : StepBench.Run(parse.GetValue(model)!, samples, parse.GetValue(threads), parse.GetValue(seconds), parts, cancellation);
            if (terminal.Json) terminal.WriteJson(result);
            else if (parse.GetValue(accuracy)) AccuracyBench.Draw(terminal.Out, result);
            else if (parse.GetValue(kernels)) KernelBench.Draw(terminal.Out, result);
            else Draw(terminal, result);
            return ExitCode.Ok;
        }, cancellation));
        return verb;
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
