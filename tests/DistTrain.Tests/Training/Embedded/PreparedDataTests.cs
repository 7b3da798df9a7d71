using System.Text;
using DistTrain.Learning;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Training;

/// <summary>Augmented and transformed data: the same bits for any cluster, read ahead or not.</summary>
public sealed class PreparedDataTests
{
    private const string Job = """
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: prepared }
        spec:
          data:
            format: { digits: { train: 96, test: 40 } }
            augment: [horizontalFlip, { rotation: 20 }, { crop: { size: 24, padding: 2 } }, { brightness: 0.3 }]
            transform: [minMax]
            prefetch: PREFETCH
          model: [flatten, { linear: 16 }, relu, { linear: 10 }]
          training: { epochs: 3, batchSize: 32, microBatches: 4 }
        """;

    private static ResolvedJob Resolve(string prefetch) => JobPlanner.Plan(JobFile.Parse(Encoding.UTF8.GetBytes(Job.Replace("PREFETCH", prefetch, StringComparison.Ordinal)), "job.yaml")).Job;

    [Theory]
    [InlineData("on", 1)]
    [InlineData("on", 3)]
    [InlineData("off", 2)]
    public async Task Neither_workers_nor_reading_ahead_change_a_bit(string prefetch, int workers)
    {
        var job = Resolve(prefetch);
        Assert.Equal(new Shape(1, 24, 24), job.Data.Train.InputShape);
        using var cluster = new EmbeddedCluster(job, new RunOptions { Workers = workers, Shards = 2, ComputeThreads = 1 });
        var result = await cluster.RunAsync();
        SameBitsTests.AssertSame(SameBitsTests.Oracle(Resolve("off")), result);
        if (job.Data.Train is ReadAhead ahead) Assert.True(ahead.Taken > 0, "nothing was read ahead");
        else Assert.Equal("off", prefetch);
    }

    [Theory]
    [InlineData("augment: [{crop: {size: 64}}]", "crop cuts 64 x 64 out of images of 28 x 28")]
    [InlineData("augment: [flipp]", "It must be one of")]
    [InlineData("transform: [{pca: 2000}]", "between 1 and 1024")]
    [InlineData("transform: [{oneHot: [9000]}]", "It must be between 0 and 783")]
    public void What_does_not_fit_is_a_problem_of_its_field(string data, string said)
    {
        var text = $$"""
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: wrong }
            spec:
              data: { format: { digits: { train: 40, test: 20 } }, {{data}} }
              model: [flatten, { linear: 10 }]
              training: { batchSize: 16 }
            """;
        var refused = Assert.Throws<SpecException>(() => JobPlanner.Plan(JobFile.Parse(Encoding.UTF8.GetBytes(text), "job.yaml")));
        Assert.Contains(refused.Problems, p => p.At.Line == 5 && p.Message.Contains(said, StringComparison.Ordinal));
    }
}
