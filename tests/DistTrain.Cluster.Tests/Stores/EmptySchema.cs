using Npgsql;

namespace DistTrain.Cluster.Tests.Stores;

/// <summary>A schema of its own for a test, in the database that DISTTRAIN_TEST_POSTGRESQL names; gone with it.</summary>
internal sealed class EmptySchema : IAsyncDisposable
{
    private readonly string _connection = Environment.GetEnvironmentVariable("DISTTRAIN_TEST_POSTGRESQL")!;
    private readonly string _name = $"test_{Guid.NewGuid():N}";

    private EmptySchema() => Source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_connection) { SearchPath = _name });

    public NpgsqlDataSource Source { get; }

    public static async Task<EmptySchema> MakeAsync()
    {
        var schema = new EmptySchema();
        await schema.OutsideAsync($"CREATE SCHEMA {schema._name}");
        return schema;
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await OutsideAsync($"DROP SCHEMA {_name} CASCADE");
    }

    private async Task OutsideAsync(string text)
    {
        await using var source = NpgsqlDataSource.Create(_connection);
        await using var command = source.CreateCommand(text);
        await command.ExecuteNonQueryAsync();
    }
}
