using System.Collections.Concurrent;
using DistTrain.Grains.Wire;
using Orleans;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>Sees every grain call that a silo takes: how long its frames are, and the types of everything that is handed over.</summary>
internal sealed class CallRecord : IIncomingGrainCallFilter
{
    private long _frames;
    private int _longest;

    public long Frames => Interlocked.Read(ref _frames);

    public int LongestFrame => _longest;

    public ConcurrentDictionary<Type, string> Types { get; } = new();

    public ConcurrentDictionary<string, int> Calls { get; } = new(StringComparer.Ordinal);

    public Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.InterfaceName.StartsWith("DistTrain", StringComparison.Ordinal) || context.InterfaceMethod.DeclaringType?.Namespace == "DistTrain.Grains")
        {
            var name = $"{context.InterfaceMethod.DeclaringType!.Name}.{context.MethodName}";
            Calls.AddOrUpdate(name, 1, (_, n) => n + 1);
            for (var i = 0; i < context.Request.GetArgumentCount(); i++)
            {
                if (context.Request.GetArgument(i) is not { } argument) continue;
                Types.TryAdd(argument.GetType(), name);
                if (argument is not ControlFrame frame) continue;
                Interlocked.Increment(ref _frames);
                for (int before; (before = _longest) < frame.Bytes.Length && Interlocked.CompareExchange(ref _longest, frame.Bytes.Length, before) != before;)
                {
                    // Another was longer meanwhile, or not long enough.
                }
            }
        }
        return context.Invoke();
    }
}
