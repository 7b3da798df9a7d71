using System.Diagnostics;

namespace DistTrain.Training;

/// <summary>A worker process as its parent sees it: started, told its order, listened to, and gone without leaving anything behind.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int KeptErrorLines = 40;
    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan _lastMoment = TimeSpan.FromMilliseconds(500);

    private readonly ManualResetEventSlim _ended = new();
    private readonly ManualResetEventSlim _made = new();
    private readonly Process _process;
    private readonly Queue<string> _errors = new();
    private int _gone;
    private int _disposed;
    private string _end = "closed its connection";

    /// <param name="gone">Called once, when the process has ended, from a thread of its own; never before this constructor has returned what it made. It must not throw.</param>
    public ChildProcess(WorkerLaunch launch, WorkerOrder order, Action<ChildProcess> gone)
    {
        var start = new ProcessStartInfo(launch.FileName) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in launch.Arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in launch.Environment) start.Environment[name] = value;
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.Exited += (_, _) =>
        {
            // It may end, killed say, while it is still being told its order.
            _made.Wait();
            if (Interlocked.Exchange(ref _gone, 1) != 0) return;
            Volatile.Write(ref _end, $"ended with exit code {_process.ExitCode}");
            _ended.Set();
            gone(this);
        };
        _process.Start();
        Id = _process.Id;
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
        finally
        {
            _made.Set();
        }
    }

    public int Id { get; }

    /// <summary>Neither ended nor let go.</summary>
    public bool Alive => Volatile.Read(ref _gone) == 0;

    /// <summary>The last lines it wrote, for an error report.</summary>
    public string LastWords
    {
        get { lock (_errors) return string.Join(Environment.NewLine, _errors); }
    }

    /// <summary>How it ended, in words; waits a moment where its connection closed before its end is known.</summary>
    public string Describe()
    {
        _ended.Wait(_lastMoment);
        return LastWords is { Length: > 0 } words ? $"{Volatile.Read(ref _end)}; it wrote: {words}" : Volatile.Read(ref _end);
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
            // Ended and let go already.
        }
    }

    /// <summary>Closes its standard input, gives it a moment to leave, then ends it.</summary>
    public void Dispose()
    {
        Interlocked.Exchange(ref _gone, 1);
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // Its end of the pipe is closed.
        }
        if (!_process.WaitForExit(_farewell)) Kill();
        AwaitLastLines();
        if (_process.HasExited) Volatile.Write(ref _end, $"ended with exit code {_process.ExitCode}");
        _ended.Set();
        _process.Dispose();
    }

    // Its end and the end of what it wrote; a process that even a kill does not end (stuck in the system), or whose output somebody else holds open, is not waited for.
    private void AwaitLastLines()
    {
        using var limit = new CancellationTokenSource(_farewell);
        try
        {
            _process.WaitForExitAsync(limit.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // What it wrote so far is what there is.
        }
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
