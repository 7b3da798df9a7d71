using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace DistTrain.Silo;

/// <summary>SIGTERM and Ctrl-C begin the drain; a second one ends the process at once.</summary>
internal sealed class EndSignals(IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];
    private int _count;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }) _signals.Add(PosixSignalRegistration.Create(signal, End));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var signal in _signals) signal.Dispose();
    }

    private void End(PosixSignalContext context)
    {
        if (Interlocked.Increment(ref _count) > 1) return; // the default: the process ends
        context.Cancel = true;
        application.StopApplication();
    }
}
