using System.Collections.Concurrent;
using System.Diagnostics;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training.Telemetry;

public sealed class TrainingSpansTests
{
    [Fact]
    public async Task The_spans_of_a_step_are_one_trace_and_a_checkpoint_is_in_that_of_its_step()
    {
        var name = $"spans-{Guid.NewGuid():N}";
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TrainingMeter.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                if (Equals(span.GetTagItem("disttrain.job"), name)) spans.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var folder = Directory.CreateTempSubdirectory("disttrain-spans").FullName;
        try
        {
            var plan = JobPlanner.Plan(JobFile.BuiltIn(SpecOverride.Parse($"name={name}"), SpecOverride.Parse("training.epochs=1"), SpecOverride.Parse("training.batchSize=256")));
            using (var cluster = new EmbeddedCluster(plan.Job, new RunOptions { Workers = 2, Shards = 2, CheckpointFolder = folder, CheckpointEvery = 2 })) await cluster.RunAsync();
            Assert.Equal(["checkpoint", "checkpoint.shard", "evaluation", "lease", "lease.evaluation", "step"], spans.Select(s => s.OperationName).Distinct().Order(StringComparer.Ordinal));
            var steps = spans.Where(s => s.OperationName == "step").ToDictionary(s => (long)s.GetTagItem("disttrain.step")!);
            Assert.Equal(plan.Job.TotalSteps, steps.Count);
            Assert.Equal(steps.Count, steps.Values.Select(s => s.TraceId).Distinct().Count());
            foreach (var span in spans.Where(s => s.OperationName is "lease" or "checkpoint" or "checkpoint.shard"))
                Assert.Equal(steps[(long)span.GetTagItem("disttrain.step")!].TraceId, span.TraceId);
            Assert.All(steps.Keys, step => Assert.Contains(spans, s => s.OperationName == "lease" && step.Equals(s.GetTagItem("disttrain.step"))));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
