using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

public sealed class LiveLogTests
{
    // Within a chunk of 1,024, at its border, far beyond the chunks that are there.
    [Theory, InlineData(0, 500), InlineData(0, 1024), InlineData(0, 1_048_576), InlineData(10, 11), InlineData(10, 2048), InlineData(3000, 3001), InlineData(3000, 5_000_000)]
    public async Task A_log_that_skips_goes_on_with_the_next_number_and_holds_nothing_from_before(int first, int skipped)
    {
        var log = new LiveLog<int>(2048);
        for (var i = 1; i <= first; i++) log.Add(i);
        var live = log.FollowAsync(first).GetAsyncEnumerator();
        var next = live.MoveNextAsync();
        log.Skip(skipped);
        log.Skip(skipped - 1);
        for (var i = skipped + 1; i <= skipped + 3000; i++) log.Add(i);
        log.Complete();

        Assert.Equal(skipped + 3000, log.Count);
        Assert.True(await next);
        Assert.Equal(live.Current.Sequence, live.Current.Entry);
        Assert.InRange(live.Current.Entry, skipped + 1, skipped + 3000);
        await live.DisposeAsync();
        var seen = new List<int>();
        await foreach (var (sequence, entry) in log.FollowAsync(0))
        {
            Assert.Equal(sequence, entry);
            seen.Add(entry);
        }
        Assert.Equal(Enumerable.Range(seen[0], seen.Count), seen);
        Assert.InRange(seen.Count, 2048, 3000);
        Assert.Equal(skipped + 3000, seen[^1]);
    }
}
