using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Parameters;

public sealed class MomentsUpdateTests
{
    [Fact]
    public void Running_statistics_move_a_tenth_of_the_way_to_the_batch_with_unbiased_variance()
    {
        float[] running = [3, 1, 2];
        MomentsUpdate.Apply(running, [5, 11, 8]); // variance 8 / 4
        Assert.Equal([4f, 2f, 2f], running.Select(v => MathF.Round(v, 5)));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public void Fewer_than_two_values_leave_a_channel_alone(float count)
    {
        float[] running = [3, 1, 2, 0, 0, 1];
        MomentsUpdate.Apply(running, [count, 9, 9, 2, 1, 2]);
        Assert.Equal([3f, 1f, 2f], running[..3]);
        Assert.Equal([1f, 0.1f, 1.1f], running[3..].Select(v => MathF.Round(v, 5)));
    }

    [Fact]
    public void Statistics_start_at_mean_zero_and_variance_one_and_come_in_triples()
    {
        var running = new float[6];
        MomentsUpdate.Reset(running);
        Assert.Equal([0f, 0f, 1f, 0f, 0f, 1f], running);
        Assert.Contains("whole triples", Assert.Throws<ArgumentException>(() => MomentsUpdate.Apply(new float[4], new float[4])).Message);
    }
}
