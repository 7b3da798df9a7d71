using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>The right to speak, and how much may be under way.</summary>
public sealed class LaneRightsTests
{
    [Fact]
    public void A_token_opens_its_own_job_until_it_ends()
    {
        var (key, now) = (LaneToken.NewClusterKey(), DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        var token = LaneToken.Issue(key, "mnist", now.AddSeconds(10));
        Assert.Null(LaneToken.Refusal(key, "mnist", token, now));
        Assert.Contains("ended 0 ms ago", LaneToken.Refusal(key, "mnist", token, now.AddSeconds(10)), StringComparison.Ordinal);
        Assert.Contains("is for job mnist. This stream is of job cifar", LaneToken.Refusal(key, "cifar", token, now), StringComparison.Ordinal);
        Assert.Contains("not signed with this cluster's key", LaneToken.Refusal(LaneToken.NewClusterKey(), "mnist", token, now), StringComparison.Ordinal);
        Assert.Contains("It must have 40 to 296", LaneToken.Refusal(key, "mnist", token.AsSpan(0, 39), now), StringComparison.Ordinal);
        Assert.Contains("It must have 40 to 296", LaneToken.Refusal(key, "mnist", new byte[1000], now), StringComparison.Ordinal);
        for (var i = 0; i < token.Length; i++)
        {
            token[i] ^= 1;
            Assert.NotNull(LaneToken.Refusal(key, "mnist", token, now));
            token[i] ^= 1;
        }
    }

    [Fact]
    public void The_last_credit_is_kept_for_the_lowest_missing_node()
    {
        var credits = new CreditWindow(3);
        Assert.True(credits.TryTake(lowestMissingNode: false));
        Assert.True(credits.TryTake(lowestMissingNode: false));
        Assert.False(credits.TryTake(lowestMissingNode: false));
        Assert.True(credits.TryTake(lowestMissingNode: true));
        Assert.False(credits.TryTake(lowestMissingNode: true));
        for (var i = 0; i < 3; i++) credits.Return();
        Assert.Throws<LaneFormatException>(credits.Return);
        Assert.Throws<LaneFormatException>(() => new CreditWindow(1));
    }
}
