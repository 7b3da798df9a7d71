using System.Diagnostics;

namespace DistTrain.Training;

/// <summary>A worker process as its parent sees it: started, told its order, listened to, and gone without leaving anything behind.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int KeptErrorLines = 40;
    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly Queue<string> _errors = new();
    private int _gone;
    private int _disposed;

    /// <param name="gone">Called once, when the process has ended, from a thread of its own.</param>
    public ChildProcess(WorkerLaunch launch, WorkerOrder order, Action gone)
    {
        var start = new ProcessStartInfo(launch.FileName) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in launch.Arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in launch.Environment) start.Environment[name] = value;
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.Exited += (_, _) =>
        {
            if (Interlocked.Exchange(ref _gone, 1) == 0) gone();
        };
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        try
        {
            _process.StandardInput.WriteLine(order.ToLine());
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It ended before it read its order: Exited tells, and the last lines it wrote say why.
        }
    }

    public int Id => _process.Id;

    /// <summary>The last lines it wrote, for an error report.</summary>
    public string LastWords
    {
        get { lock (_errors) return string.Join(Environment.NewLine, _errors); }
    }

    /// <summary>How it ended, in words.</summary>
    public string Describe()
    {
        var how = _process.HasExited ? $"ended with exit code {_process.ExitCode}" : "closed its connection";
        return LastWords is { Length: > 0 } words ? $"{how}; it wrote: {words}" : how;
    }

    /// <summary>kill -9.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // Gone already.
        }
    }

    /// <summary>Closes its standard input, gives it a moment to leave, then ends it.</summary>
    public void Dispose()
    {
        // Its worker's thread and the run's end may both come here.
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        Interlocked.Exchange(ref _gone, 1);
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // Its end of the pipe is closed.
        }
        if (!_process.WaitForExit(_farewell))
        {
            Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_errors)
        {
            _errors.Enqueue(line);
            if (_errors.Count > KeptErrorLines) _errors.Dequeue();
        }
    }
}
