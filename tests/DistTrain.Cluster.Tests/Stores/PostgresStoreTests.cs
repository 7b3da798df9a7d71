using DistTrain.Grains;

namespace DistTrain.Cluster.Tests.Stores;

public sealed class PostgresStoreTests
{
    [PostgreSqlFact]
    public Task A_text_is_written_only_over_the_revision_that_was_seen() => With(StorePromises.A_text_is_written_only_over_the_revision_that_was_seen);

    [PostgreSqlFact]
    public Task Of_many_that_write_at_once_exactly_one_does_at_each_revision() => With(store => StorePromises.Of_many_that_write_at_once_exactly_one_does_at_each_revision(store, 20));

    [PostgreSqlFact]
    public Task An_event_that_is_there_never_becomes_another() => With(StorePromises.An_event_that_is_there_never_becomes_another);

    [PostgreSqlFact]
    public Task Silos_that_start_together_make_the_tables_once() => With(store => Task.WhenAll(Enumerable.Range(0, 8).Select(_ => store.PrepareAsync(default))));

    private static async Task With(Func<IClusterStore, Task> test)
    {
        await using var schema = await EmptySchema.MakeAsync();
        var store = new PostgresStore(schema.Source);
        await store.PrepareAsync(default);
        await test(store);
    }
}
