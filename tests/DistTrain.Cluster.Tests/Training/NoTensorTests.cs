using System.Reflection;
using DistTrain.Contracts;
using DistTrain.Grains;
using DistTrain.Grains.Wire;
using MessagePack;
using Orleans;

namespace DistTrain.Cluster.Tests.Training;

/// <summary>Tensors go over the lane: no grain call carries one, and none could.</summary>
public sealed class NoTensorTests
{
    // Numbers and texts of the contracts; everything else that a grain method names is looked into.
    private static readonly Type[] _plain = [typeof(string), typeof(long), typeof(int), typeof(bool), typeof(double), typeof(byte), typeof(DateTimeOffset), typeof(VerdictSeverity)];

    [Fact]
    public void No_type_of_a_grain_interface_can_hold_a_tensor()
    {
        var seen = new HashSet<Type>();
        foreach (var method in typeof(IJobGrain).Assembly.GetTypes().Where(t => t.IsInterface && typeof(IGrainWithStringKey).IsAssignableFrom(t)).SelectMany(t => t.GetMethods()))
        {
            Assert.NotNull(method.GetCustomAttribute<AliasAttribute>());
            foreach (var type in method.GetParameters().Select(p => p.ParameterType).Append(method.ReturnType)) Look(type, $"{method.DeclaringType!.Name}.{method.Name}");
        }
        Assert.Contains(typeof(JobStatus), seen);

        void Look(Type type, string path)
        {
            // The one place for bytes: what may be written into it is checked where it is written.
            if (type == typeof(void) || type == typeof(Task) || _plain.Contains(type) || type == typeof(ControlFrame) || !seen.Add(type)) return;
            // The one map of numbers, each under a name; how many there may be is bounded where they are written and read.
            if (type == typeof(IReadOnlyDictionary<string, double>) && path.EndsWith($".{nameof(MetricPoint.Values)}", StringComparison.Ordinal)) return;
            if (type.IsArray || type.IsGenericType)
            {
                var inner = type.IsArray ? [type.GetElementType()!] : type.GetGenericArguments();
                var one = type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Task<>);
                Assert.All(inner, i => Assert.False(!one && i.IsPrimitive && i != typeof(int), $"{path} holds {type}: an array of numbers could be a tensor."));
                foreach (var i in inner) Look(i, path);
                return;
            }
            Assert.True(type.Namespace is "DistTrain.Contracts" or "DistTrain.Grains.Wire", $"{path} names {type}.");
            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.Name != "EqualityContract")) Look(property.PropertyType, $"{path}.{property.Name}");
        }
    }

    [Fact]
    public void The_figures_of_a_metric_point_are_too_few_for_a_tensor()
    {
        var point = new MetricPoint { Kind = "step", Values = Enumerable.Range(0, 3 * MetricPointFormatter.MostFigures).ToDictionary(i => $"layer/{i}/gradNorm", i => (double)i) };
        var sent = MessagePackSerializer.Serialize(point, WireFormat.Options);
        Assert.Equal(MetricPointFormatter.MostFigures, MessagePackSerializer.Deserialize<MetricPoint>(sent, WireFormat.Options).Values!.Count);

        // A sender that keeps to no bound: 11 fields, then a map that is longer.
        var writer = new System.Buffers.ArrayBufferWriter<byte>();
        var forged = new MessagePackWriter(writer);
        forged.WriteArrayHeader(12);
        foreach (var field in "isiddddiddd") Field(ref forged, field);
        forged.WriteMapHeader(MetricPointFormatter.MostFigures + 1);
        for (var i = 0; i <= MetricPointFormatter.MostFigures; i++)
        {
            forged.Write($"{i}");
            forged.Write(0.5);
        }
        forged.Flush();
        var refused = Assert.Throws<MessagePackSerializationException>(() => MessagePackSerializer.Deserialize<MetricPoint>(writer.WrittenMemory, WireFormat.Options));
        Assert.Contains("it must have at most", refused.ToString(), StringComparison.Ordinal);

        static void Field(ref MessagePackWriter to, char kind)
        {
            if (kind == 's') to.Write("step");
            else if (kind == 'd') to.Write(0.5);
            else to.Write(1L);
        }
    }

    [Fact]
    public async Task No_call_of_a_training_run_carries_as_much_as_the_smallest_shard()
    {
        var calls = new CallRecord();
        await using var cluster = await TrainingCluster.StartAsync(2, calls);
        var job = (await cluster.Client.SubmitAsync(TrainingCluster.Submission("measured", TrainingCluster.Digits))).Job;
        await cluster.CommittedAsync(job, 5);
        var members = await cluster.Client.MembersAsync(job);
        var end = await cluster.EndAsync(job);
        Assert.Equal(JobStates.Succeeded, end.State);

        var smallest = members.Shards.Min(s => s.Elements) * sizeof(float);
        Assert.True(smallest > 16 << 10, $"the shards are too small ({smallest} bytes) to tell a tensor from a message.");
        Assert.True(calls.Frames > end.TotalSteps, $"{calls.Frames} frames for {end.TotalSteps} steps: the control did not go through grains.");
        Assert.True(calls.LongestFrame < smallest / 2, $"a frame of {calls.LongestFrame} bytes crossed a grain call; the smallest shard has {smallest}.");
        Assert.All(calls.Types.Keys, type => Assert.True(type == typeof(ControlFrame) || type == typeof(string) || type == typeof(long) || type == typeof(int) || type == typeof(bool) || type == typeof(JobSubmission)
            || type == typeof(MetricPoint[]) || type == typeof(TrainingEvent[]), $"{calls.Types[type]} was handed a {type}."));
        Assert.Contains("IWorkerGrain.Deliver", calls.Calls.Keys);
        Assert.Contains("IParameterServerGrain.Deliver", calls.Calls.Keys);
        Assert.Contains("ISiloGrain.Deliver", calls.Calls.Keys);
    }
}
