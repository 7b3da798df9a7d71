using System.CommandLine;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>A job file with the flags that override it. Values stay text: the job's reader judges them, with the same messages as for a file.</summary>
internal sealed class JobOptions
{
    private static readonly (string Flag, string Path, string Description)[] Flags =
    [
        ("--workers", "cluster.workers", "Workers."),
        ("--shards", "cluster.shards", "Parameter shards."),
        ("--processes", "cluster.processes", "Worker processes; 0 = worker threads."),
        ("--device", "cluster.device", "auto, cpu, gpu:0, opencl:0 or ilgpu-cpu."),
        ("--epochs", "training.epochs", "Passes over the training set."),
        ("--seed", "training.seed", "Key of all randomness."),
    ];

    private readonly Argument<string?> _job = new("job") { Description = "A job file, YAML or JSON; none = the built-in digits job.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string[]> _set = new("--set") { Description = "Override a field: training.batchSize=128, optimizer.lr=0.01.", Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = false, HelpName = "path=value" };
    private readonly Option<string?>[] _flags = [.. Flags.Select(f => new Option<string?>(f.Flag) { Description = f.Description })];

    public void AddTo(Command command)
    {
        command.Arguments.Add(_job);
        foreach (var flag in _flags) command.Options.Add(flag);
        command.Options.Add(_set);
    }

    public string? Path(ParseResult parse) => parse.GetValue(_job);

    public IReadOnlyList<SpecOverride> Overrides(ParseResult parse)
    {
        // A flag stands for its field by name, so it has the last word.
        var overrides = (parse.GetValue(_set) ?? []).Select(SpecOverride.Parse).ToList();
        for (var i = 0; i < Flags.Length; i++)
            if (parse.GetValue(_flags[i]) is { } value) overrides.Add(new SpecOverride(Flags[i].Path, value, $"{Flags[i].Flag} {value}"));
        return overrides;
    }

    /// <exception cref="CommandException">The file is not there.</exception>
    public JobFile Read(ParseResult parse) => Path(parse) is { } path ? Load(path, Overrides(parse)) : JobFile.BuiltIn(Overrides(parse));

    public static JobFile Load(string path, IReadOnlyList<SpecOverride> overrides)
    {
        try
        {
            return JobFile.Load(path, overrides);
        }
        catch (FileNotFoundException)
        {
            throw new CommandException(ExitCode.NotFound, $"{path} is not there. Write a job file with: {Invocation.Name} init {System.IO.Path.GetFileNameWithoutExtension(path)}");
        }
    }
}
