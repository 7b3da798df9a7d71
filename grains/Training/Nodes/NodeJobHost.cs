using System.Collections.Concurrent;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A job's scheduler on a node: answers commands, and says where it is as soon as its incarnation has changed.</summary>
internal sealed class NodeJobHost(JobMachine machine, MachineSet machines, StateStore store, RegisterAccess register, LossLog log, RunFeed feed, Action<JobHost> ended, Action announce)
    : JobHost(machine, machines, store, register, log, feed, ended, tellsPast: true)
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Control>> _commands = new(StringComparer.Ordinal);
    private long _incarnation;
    private Placement _placement = Placement.Empty;

    /// <summary>As of the last message sent.</summary>
    public long Incarnation => Interlocked.Read(ref _incarnation);

    /// <summary>Of the last message that named one.</summary>
    public Placement Placement => Volatile.Read(ref _placement);

    public Task<Control> Command(Control control)
    {
        var answer = _commands.GetOrAdd(control.Id, _ => new TaskCompletionSource<Control>(TaskCreationOptions.RunContinuationsAsynchronously));
        Machines.DeliverFromOutside(new Message { Kind = MessageKind.Control, From = new Address(Role.Client, 0), To = Address.Job, Job = Machines.JobKey, Payload = control });
        return answer.Task;
    }

    /// <summary>The scheduler has ended: nobody answers any more.</summary>
    public void FailCommands(string why)
    {
        foreach (var command in _commands.Values) command.TrySetException(new InvalidOperationException(why));
    }

    protected override void Send(in Message message)
    {
        if (message.Incarnation > _incarnation)
        {
            Interlocked.Exchange(ref _incarnation, message.Incarnation);
            announce();
        }
        if (message.Placement is { } placement) Volatile.Write(ref _placement, placement);
        if (message.Kind != MessageKind.ControlAnswer) base.Send(message);
        else if (message.Payload is Control done && _commands.TryRemove(done.Id, out var command)) command.TrySetResult(done);
    }
}
