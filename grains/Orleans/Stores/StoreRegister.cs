using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Grains;

/// <summary>One job's register in the cluster's store.</summary>
/// <remarks>Called on the register's own thread of the node, never on the scheduler of grains: it may wait.</remarks>
internal sealed class StoreRegister(IClusterStore store, string job) : IJobRegister
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(5);

    public RegisterRecord? Read() => Parse(Wait(cancellation => store.ReadAsync(StoreKind.Register, job, cancellation)));

    public RegisterRecord? Write(RegisterRecord record, long expected)
    {
        var now = Wait(cancellation => store.ReadAsync(StoreKind.Register, job, cancellation));
        if ((Parse(now)?.Revision ?? -1) != expected) return Parse(now);
        var (written, after) = Wait(cancellation => store.WriteAsync(StoreKind.Register, job, RegisterFile.ToText(record), now?.Revision ?? 0, cancellation));
        return written ? record : Parse(after);
    }

    private static RegisterRecord? Parse(StoredText? stored) => stored is null ? null : RegisterFile.Parse(stored.Text, $"the register of {stored.Key}");

    private static T Wait<T>(Func<CancellationToken, Task<T>> ask)
    {
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            return Task.Run(() => ask(limit.Token)).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException late)
        {
            throw new TimeoutException($"the register did not answer within {_limit.TotalSeconds:F0} s.", late);
        }
    }
}
