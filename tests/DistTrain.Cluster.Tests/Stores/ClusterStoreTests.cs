using DistTrain.Contracts;
using DistTrain.Grains;
using Npgsql;

namespace DistTrain.Cluster.Tests.Stores;

/// <summary>The store's promises, on a folder and on PostgreSQL.</summary>
public sealed class ClusterStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain-store").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData("folder")]
    public async Task A_text_is_written_only_over_the_revision_that_was_seen(string kind)
    {
        var store = await Make(kind);
        Assert.Null(await store.ReadAsync("t", "a", default));
        Assert.Equal((true, new StoredText("a", "one", 1)), await store.WriteAsync("t", "a", "one", 0, default));
        Assert.Equal((false, new StoredText("a", "one", 1)), await store.WriteAsync("t", "a", "other", 0, default));
        Assert.Equal((true, new StoredText("a", "two", 2)), await store.WriteAsync("t", "a", "two", 1, default));
        Assert.Equal((false, new StoredText("a", "two", 2)), await store.WriteAsync("t", "a", "late", 1, default));
        Assert.Equal([new StoredText("a", "two", 2)], await store.ListAsync("t", default));
        await store.RemoveAsync("t", "a", default);
        Assert.Null(await store.ReadAsync("t", "a", default));
    }

    [Theory, InlineData("folder")]
    public async Task Of_many_that_write_at_once_exactly_one_does_at_each_revision(string kind)
    {
        var store = await Make(kind);
        for (var revision = 0; revision < 5; revision++)
        {
            var wrote = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => store.WriteAsync("t", "race", $"{i}", revision, default))));
            Assert.Equal(1, wrote.Count(w => w.Written));
            Assert.All(wrote, w => Assert.Equal(wrote.Single(x => x.Written).Now, w.Now));
        }
    }

    [Theory, InlineData("folder")]
    public async Task An_event_that_is_there_never_becomes_another(string kind)
    {
        var store = await Make(kind);
        var at = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        await store.AppendAsync("job", [new TrainingEvent(1, at, 0, "a", "info", "first"), new TrainingEvent(2, at, 0, "b", "info", "second")], default);
        await store.AppendAsync("job", [new TrainingEvent(2, at, 9, "c", "info", "usurper"), new TrainingEvent(3, at, 9, "c", "info", "third")], default);
        Assert.Equal(["first", "second", "third"], (await store.EventsAsync("job", default)).Select(e => e.Text));
    }

    [PostgreSqlFact]
    public async Task PostgreSQL_keeps_the_same_promises()
    {
        await A_text_is_written_only_over_the_revision_that_was_seen("postgresql");
        await Of_many_that_write_at_once_exactly_one_does_at_each_revision("postgresql");
        await An_event_that_is_there_never_becomes_another("postgresql");
    }

    [Theory, InlineData("../up"), InlineData(""), InlineData("a/b")]
    public async Task A_key_cannot_leave_the_folder(string key) => await Assert.ThrowsAsync<ArgumentException>(() => new FolderStore(_folder).ReadAsync("t", key, default));

    private async Task<IClusterStore> Make(string kind)
    {
        IClusterStore store = kind == "folder" ? new FolderStore(_folder) : new PostgresStore(await EmptySchema());
        await store.PrepareAsync(default);
        return store;
    }

    // A schema of its own for each test, in the database that the variable names.
    private static async Task<NpgsqlDataSource> EmptySchema()
    {
        var connection = Environment.GetEnvironmentVariable("DISTTRAIN_TEST_POSTGRESQL")!;
        var schema = $"test_{Guid.NewGuid():N}";
        await using var source = NpgsqlDataSource.Create(connection);
        await using var make = source.CreateCommand($"CREATE SCHEMA {schema}");
        await make.ExecuteNonQueryAsync();
        return NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connection) { SearchPath = schema });
    }
}
