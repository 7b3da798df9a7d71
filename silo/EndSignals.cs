using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace DistTrain.Silo;

/// <summary>SIGTERM and Ctrl-C begin the drain; a second one ends the process at once. Attached, the end of standard input begins it too.</summary>
internal sealed class EndSignals(SiloSettings settings, IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];
    private int _count;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }) _signals.Add(PosixSignalRegistration.Create(signal, End));
        if (settings.Attached) new Thread(WaitForInput) { IsBackground = true, Name = "standard input" }.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var signal in _signals) signal.Dispose();
    }

    private void WaitForInput()
    {
        var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[64];
        while (input.Read(ignored) > 0)
        {
            // Only its end says something.
        }
        application.StopApplication();
    }

    private void End(PosixSignalContext context)
    {
        if (Interlocked.Increment(ref _count) > 1) return; // the default: the process ends
        context.Cancel = true;
        application.StopApplication();
    }
}
