using System.Runtime.InteropServices;

namespace DistTrain.Cli;

/// <summary>SIGINT and SIGTERM: the first asks the run to stop at a checkpoint, the second ends the process at once with 130.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action _asked;
    private int _signals;

    /// <param name="asked">Runs at the first signal.</param>
    public StopSignals(CancellationToken outer, Action asked)
    {
        (_stop, _asked) = (CancellationTokenSource.CreateLinkedTokenSource(outer), asked);
        _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle)];
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>As a first signal does.</summary>
    public void Ask()
    {
        if (Interlocked.Increment(ref _signals) > 1) return;
        _asked();
        _stop.Cancel();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _signals) > 1) Environment.Exit(ExitCode.Interrupted);
        _asked();
        _stop.Cancel();
    }
}
