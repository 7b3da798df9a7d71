using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using Microsoft.Extensions.Logging;

namespace DistTrain.Grains;

/// <summary>A call that failed because the store does not answer is refused as such: whoever asked is told that, and the silo's log why.</summary>
internal sealed partial class StoreRefusals(ILogger<StoreRefusals> log) : IIncomingGrainCallFilter
{
    public Task Invoke(IIncomingGrainCallContext context)
    {
        var call = context.Invoke();
        return call.IsCompletedSuccessfully ? Task.CompletedTask : WaitAsync(context, call);
    }

    // On the grain's own scheduler, as what it waits for.
    private async Task WaitAsync(IIncomingGrainCallContext context, Task call)
    {
        try
        {
            await call;
        }
        catch (StoreUnreachableException unreached)
        {
            Refused(context.MethodName, unreached.Message);
            throw new RequestRefusedException(ClusterError.Unreachable, "the cluster's store does not answer now. What was accepted is kept and training goes on as far as it can; ask again. The silos' logs say why.");
        }
    }

    [LoggerMessage(60, LogLevel.Warning, "{Call} is refused: {Reason}")]
    private partial void Refused(string call, string reason);
}
