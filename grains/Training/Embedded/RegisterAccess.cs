using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A scheduler's way to its register: one call at a time, on a thread that may wait. A call that is asked for again while it is under way is not made twice.</summary>
internal sealed class RegisterAccess(IJobRegister register, BackgroundWork work)
{
    private int _reads;
    private int _writes;

    public void Read(Message answer)
    {
        if (Interlocked.Increment(ref _reads) == 1) work.Do(() => Ended(ref _reads, () => answer with { Payload = register.Read() }), null);
        else Interlocked.Decrement(ref _reads);
    }

    public void Write(RegisterRecord record, long expected, Message answer)
    {
        if (Interlocked.Increment(ref _writes) == 1)
        {
            work.Do(() => Ended(ref _writes, () =>
            {
                var current = register.Write(record, expected);
                return answer with { Flag = ReferenceEquals(current, record), Payload = current };
            }), null);
        }
        else Interlocked.Decrement(ref _writes);
    }

    /// <summary>The incarnation that is recorded now, on the thread that asks.</summary>
    public long Incarnation => register.Read()?.Incarnation ?? 0;

    private static Message Ended(ref int calls, Func<Message> call)
    {
        try
        {
            return call();
        }
        finally
        {
            Interlocked.Decrement(ref calls);
        }
    }
}

/// <summary>The register of an embedded run: nobody else can hold its job, so what is in memory is true; a file keeps it for the next run.</summary>
internal sealed class EmbeddedRegister(RegisterFile? file, MachineSet machines) : IJobRegister
{
    private RegisterRecord? _record;

    public RegisterRecord? Read()
    {
        // The seats it names ended with their process, and so did whoever asked to stop.
        if (_record is null && ReadFile() is { } found) _record = found with { Placement = Placement.Empty, Controls = found.Controls.RemoveAll(static c => c.Kind == ControlKind.Stop) };
        return _record;
    }

    public RegisterRecord? Write(RegisterRecord record, long expected)
    {
        if ((_record?.Revision ?? -1) != expected) return _record;
        try
        {
            file?.Write(record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What is in memory stays true as long as this process lives; training goes on, and the next write may succeed.
            machines.Warn($"the register could not be written: {e.Message}");
        }
        return _record = record;
    }

    private RegisterRecord? ReadFile()
    {
        try
        {
            return file?.Read();
        }
        catch (InvalidDataException e)
        {
            // Incarnations only fence seats against each other; this process has none yet.
            machines.Warn(e.Message);
            return null;
        }
    }
}
