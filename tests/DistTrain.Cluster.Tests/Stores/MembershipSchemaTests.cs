using System.Net;
using System.Net.Sockets;
using DistTrain.Silo;
using Npgsql;

namespace DistTrain.Cluster.Tests.Stores;

/// <summary>The tables of Orleans' membership, and who is struck off when a silo starts.</summary>
public sealed class MembershipSchemaTests
{
    private const string Cluster = "test";
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(12);
    private static readonly IPEndPoint _own = new(IPAddress.Loopback, 1);

    [PostgreSqlFact]
    public async Task A_silo_is_put_in_and_changed_only_over_the_version_that_was_seen()
    {
        await using var schema = await EmptySchema.MakeAsync();
        var source = schema.Source;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => MembershipSchema.PrepareAsync(source, default)));
        Assert.Equal(1, await AskAsync(source, "InsertMembershipVersionKey"));
        Assert.Equal(0, await AskAsync(source, "InsertMembershipVersionKey"));
        Assert.Equal(1, await AskAsync(source, "InsertMembershipKey", version: 0, status: 2));
        Assert.Equal(0, await AskAsync(source, "InsertMembershipKey", version: 1, status: 2));
        Assert.Equal(0, await AskAsync(source, "UpdateMembershipKey", version: 0, status: 3));
        Assert.Equal(1, await AskAsync(source, "UpdateMembershipKey", version: 1, status: 3));
        Assert.Equal([(3, 2)], await RowsAsync(source));
        // Whoever writes the row of another does not say with it that the other is alive.
        await AgeAsync(source);
        await AskAsync(source, "UpdateMembershipKey", version: 2, status: 3);
        Assert.True(await SilentAsync(source));
        await AskAsync(source, "UpdateIAmAlivetimeKey");
        Assert.False(await SilentAsync(source));
    }

    [PostgreSqlFact]
    public async Task A_silo_that_refuses_is_struck_off_only_when_it_has_long_been_silent()
    {
        await using var schema = await ThereIsAsync(FreePort());
        Assert.Equal((0, 1), await BuryAsync(schema.Source));
        Assert.Equal([(3, 2)], await RowsAsync(schema.Source));
        await AgeAsync(schema.Source);
        Assert.Equal((1, 0), await BuryAsync(schema.Source));
        Assert.Equal([(6, 3)], await RowsAsync(schema.Source));
    }

    [PostgreSqlFact]
    public async Task Nobody_is_struck_off_while_another_silo_lives()
    {
        using var living = new TcpListener(IPAddress.Loopback, 0);
        living.Start();
        await using var schema = await ThereIsAsync(FreePort());
        await AskAsync(schema.Source, "InsertMembershipKey", version: 2, status: 3, port: ((IPEndPoint)living.LocalEndpoint).Port);
        await AgeAsync(schema.Source);
        Assert.Equal((0, 0), await BuryAsync(schema.Source));
        Assert.All(await RowsAsync(schema.Source), row => Assert.Equal(3, row.Status));
    }

    [PostgreSqlFact]
    public async Task An_earlier_life_of_the_silo_that_starts_is_not_waited_for()
    {
        var port = FreePort();
        await using var schema = await ThereIsAsync(port);
        Assert.Equal((0, 0), await MembershipSchema.BuryAsync(schema.Source, Cluster, new IPEndPoint(IPAddress.Loopback, port), _silence, default));
    }

    private static Task<(int, int)> BuryAsync(NpgsqlDataSource source) => MembershipSchema.BuryAsync(source, Cluster, _own, _silence, default);

    // An active silo, at version 2 of the table.
    private static async Task<EmptySchema> ThereIsAsync(int port)
    {
        var schema = await EmptySchema.MakeAsync();
        await MembershipSchema.PrepareAsync(schema.Source, default);
        await AskAsync(schema.Source, "InsertMembershipVersionKey");
        await AskAsync(schema.Source, "InsertMembershipKey", version: 0, status: 2, port);
        await AskAsync(schema.Source, "UpdateMembershipKey", version: 1, status: 3, port);
        return schema;
    }

    // As Orleans does: the text of the query from the table, parameters by name, whether the text uses them or not.
    private static async Task<int> AskAsync(NpgsqlDataSource source, string key, int version = 0, int status = 0, int port = 4000)
    {
        await using var read = source.CreateCommand("SELECT QueryText FROM OrleansQuery WHERE QueryKey = $1");
        read.Parameters.AddWithValue(key);
        await using var query = source.CreateCommand((string)(await read.ExecuteScalarAsync())!);
        var at = new DateTime(2026, 11, 20, 12, 0, 0, DateTimeKind.Utc);
        foreach (var (name, value) in new (string, object)[]
                 {
                     ("DeploymentId", Cluster), ("Version", version), ("Address", "127.0.0.1"), ("Port", port), ("Generation", 7), ("SiloName", "one"), ("HostName", "host"),
                     ("Status", status), ("ProxyPort", 0), ("SuspectTimes", ""), ("StartTime", at), ("IAmAliveTime", at),
                 })
            query.Parameters.AddWithValue(name, value);
        return (int?)await query.ExecuteScalarAsync() ?? 0;
    }

    private static async Task AgeAsync(NpgsqlDataSource source)
    {
        await using var age = source.CreateCommand("UPDATE disttrain_silo SET alive = now() - interval '1 minute'");
        await age.ExecuteNonQueryAsync();
    }

    private static async Task<bool> SilentAsync(NpgsqlDataSource source)
    {
        await using var read = source.CreateCommand("SELECT bool_and(alive < now() - interval '12 seconds') FROM disttrain_silo");
        return (bool)(await read.ExecuteScalarAsync())!;
    }

    private static async Task<List<(int Status, int Version)>> RowsAsync(NpgsqlDataSource source)
    {
        await using var read = source.CreateCommand("SELECT s.status, c.version FROM disttrain_silo s JOIN disttrain_cluster c ON c.id = s.cluster");
        await using var reader = await read.ExecuteReaderAsync();
        var rows = new List<(int, int)>();
        while (await reader.ReadAsync()) rows.Add((reader.GetInt32(0), reader.GetInt32(1)));
        return rows;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
