using System.Collections.Concurrent;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>One thread for what may wait on a disk or a database, in order; training goes on meanwhile.</summary>
internal sealed class BackgroundWork : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly MachineSet _machines;
    private readonly Thread _thread;

    public BackgroundWork(string name, MachineSet machines)
    {
        _machines = machines;
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Does the work and hands its answer to the machine it is for. What goes wrong with a disk or a database is the answer's text: training decides, and goes on.</summary>
    /// <param name="failed">The answer in that case; null: there is none, and the machine asks again.</param>
    public void Do(Func<Message> work, Message? failed) => Do(() =>
    {
        Message answer;
        try
        {
            answer = work();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or NotSupportedException or TimeoutException or System.Data.Common.DbException)
        {
            if (failed?.Kind != MessageKind.CheckpointVerified) _machines.Warn(e.Message);
            if (failed is null) return;
            answer = failed.Value with { Payload = null, Flag = false, Text = e.Message };
        }
        _machines.DeliverFromOutside(answer);
    });

    public void Do(Action work)
    {
        try
        {
            _work.Add(work);
        }
        catch (InvalidOperationException)
        {
            // Disposed: the job is over here, nobody waits for this.
        }
    }

    /// <summary>Waits for what is under way and queued.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Run()
    {
        try
        {
            foreach (var action in _work.GetConsumingEnumerable()) action();
        }
        catch (Exception e)
        {
            _machines.Fail(e);
        }
    }
}
