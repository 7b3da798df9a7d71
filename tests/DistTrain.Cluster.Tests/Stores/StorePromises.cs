using DistTrain.Contracts;
using DistTrain.Grains;

namespace DistTrain.Cluster.Tests.Stores;

/// <summary>What every store promises.</summary>
internal static class StorePromises
{
    public static async Task A_text_is_written_only_over_the_revision_that_was_seen(IClusterStore store)
    {
        Assert.Null(await store.ReadAsync("t", "a", default));
        Assert.Equal((true, new StoredText("a", "one", 1)), await store.WriteAsync("t", "a", "one", 0, default));
        Assert.Equal((false, new StoredText("a", "one", 1)), await store.WriteAsync("t", "a", "other", 0, default));
        Assert.Equal((true, new StoredText("a", "two", 2)), await store.WriteAsync("t", "a", "two", 1, default));
        Assert.Equal((false, new StoredText("a", "two", 2)), await store.WriteAsync("t", "a", "late", 1, default));
        Assert.Equal([new StoredText("a", "two", 2)], await store.ListAsync("t", default));
        await store.RemoveAsync("t", "a", default);
        Assert.Null(await store.ReadAsync("t", "a", default));
        Assert.Equal((false, (StoredText?)null), await store.WriteAsync("t", "a", "after", 2, default));
    }

    public static async Task Of_many_that_write_at_once_exactly_one_does_at_each_revision(IClusterStore store, int revisions)
    {
        for (var revision = 0; revision < revisions; revision++)
        {
            var wrote = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => store.WriteAsync("t", "race", $"{i}", revision, default))));
            var winner = Assert.Single(wrote, w => w.Written);
            Assert.All(wrote, w => Assert.Equal(winner.Now, w.Now));
        }
    }

    public static async Task An_event_that_is_there_never_becomes_another(IClusterStore store)
    {
        var at = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        await store.AppendAsync("job", [new TrainingEvent(1, at, 0, "a", "info", "first"), new TrainingEvent(2, at, 0, "b", "info", "second")], default);
        await store.AppendAsync("job", [new TrainingEvent(2, at, 9, "c", "info", "usurper"), new TrainingEvent(3, at, 9, "c", "info", "third")], default);
        Assert.Equal(["first", "second", "third"], (await store.EventsAsync("job", default)).Select(e => e.Text));
    }
}
