using System.Collections.Concurrent;
using System.Diagnostics;

namespace DistTrain.Cluster.Tests.Processes;

/// <summary>A program of this build as a child process: what it says is kept. Its standard input stays open for as long as this process lives, and it ends when that closes.</summary>
internal sealed class ChildProgram : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly Task _read;

    private ChildProgram(Process process)
    {
        _process = process;
        _read = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public string Said => string.Join(Environment.NewLine, _lines);

    /// <param name="assembly">Beside the tests.</param>
    public static ChildProgram Start(string assembly, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, assembly));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("DISTTRAIN_", StringComparison.Ordinal) || k.StartsWith("OTEL_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return new ChildProgram(Process.Start(start)!);
    }

    /// <summary>What follows a text on the first line that holds it.</summary>
    /// <exception cref="InvalidOperationException">It has ended, or said no such thing in two minutes.</exception>
    public async Task<string> SaysAsync(string text)
    {
        for (var given = Stopwatch.StartNew(); given.Elapsed < Training.TrainingCluster.Limit; await Task.Delay(20))
        {
            // Whether it has ended is looked at before what it said: nothing is said after that.
            var ended = HasEnded && _read.IsCompleted;
            if (_lines.FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } line) return line[(line.IndexOf(text, StringComparison.Ordinal) + text.Length)..].Trim();
            if (ended) break;
        }
        throw new InvalidOperationException($"\"{text}\" was not said{(HasEnded ? $", and the program has ended with {_process.ExitCode}" : "")}. It said:{Environment.NewLine}{Said}");
    }

    /// <summary>Sends a signal by its name: STOP, CONT, INT.</summary>
    public void Signal(string name) => Signal(name, Id);

    public static void Signal(string name, int process)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{process}"]);
        kill.WaitForExit();
    }

    /// <summary>kill -9, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await EndAsync();
    }

    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Training.TrainingCluster.Limit);
        await _read.WaitAsync(Training.TrainingCluster.Limit);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await EndAsync();
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader from)
    {
        while (await from.ReadLineAsync() is { } line) _lines.Enqueue(line);
    }
}
