using System.Collections.Concurrent;
using System.Diagnostics;

namespace DistTrain.Cli;

/// <summary>One silo as a child process: what it announces is read, what it logs goes to a file. Its standard input stays open as a sign that this process lives.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan _killLimit = TimeSpan.FromSeconds(5);
    private readonly Process _process;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _said = new(StringComparer.Ordinal);
    private readonly StreamWriter _log;

    private SiloProcess(string name, Process process, string log)
    {
        (Name, _process, Log) = (name, process, log);
        _log = new StreamWriter(log, append: false) { AutoFlush = true };
        Ended = FollowAsync();
    }

    public string Name { get; }

    public int Id => _process.Id;

    public string Log { get; }

    /// <summary>Completes with the exit code.</summary>
    public Task<int> Ended { get; }

    public static SiloProcess Start(string name, string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> variables, string log)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var (variable, value) in variables) start.Environment[variable] = value;
        return new SiloProcess(name, Process.Start(start) ?? throw new CommandException(ExitCode.JobFailed, $"{name} could not be started: {program}"), log);
    }

    /// <summary>What follows a word that the silo announces.</summary>
    /// <exception cref="CommandException">It ended before, or said nothing within the limit.</exception>
    public async Task<string> SaysAsync(string word, TimeSpan limit, CancellationToken cancellation)
    {
        var said = Said(word).Task;
        var first = await Task.WhenAny(said, Ended, Task.Delay(limit, cancellation)).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (first == said) return await said.ConfigureAwait(false);
        throw new CommandException(ExitCode.JobFailed, first == Ended
            ? $"{Name} ended with exit code {await Ended.ConfigureAwait(false)} before it was up: {string.Join(" ", File.ReadLines(Log).TakeLast(3))} The whole log: {Log}"
            : $"{Name} was not up within {limit.TotalSeconds:F0} s. Its log: {Log}");
    }

    /// <summary>SIGTERM: finish the leases, hand over, leave.</summary>
    public void Terminate()
    {
        // What its end of the pipe sees is the same as if this process had died: it ends in good order.
        if (!Ended.IsCompleted) _process.StandardInput.Close();
    }

    public async ValueTask DisposeAsync()
    {
        if (!Ended.IsCompleted)
        {
            _process.Kill(entireProcessTree: true);
            await Task.WhenAny(Ended, Task.Delay(_killLimit)).ConfigureAwait(false);
        }
        _process.Dispose();
        await _log.DisposeAsync().ConfigureAwait(false);
    }

    private TaskCompletionSource<string> Said(string word) => _said.GetOrAdd(word, _ => new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task<int> FollowAsync()
    {
        var streams = Task.WhenAll(CopyAsync(_process.StandardOutput), CopyAsync(_process.StandardError));
        await _process.WaitForExitAsync().ConfigureAwait(false);
        await streams.ConfigureAwait(false);
        return _process.ExitCode;
    }

    private async Task CopyAsync(StreamReader from)
    {
        while (await from.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && line[..space] is "ready" or "link" or "health") Said(line[..space]).TrySetResult(line[(space + 1)..]);
            lock (_log) _log.WriteLine(line);
        }
    }
}
