using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace DistTrain.Silo;

/// <summary>
/// The tables and the queries that Orleans' ADO.NET membership reads by name (its table OrleansQuery), written for PostgreSQL 15 and newer. Made where they are missing, and
/// the queries brought up to date, by every silo that starts.
/// </summary>
/// <remarks>
/// A row for each silo, and a version for the whole that every change raises: a change counts only if it saw the newest version (@Version), in one statement, so two silos
/// never both change the table from the same state. When a silo last said that it is alive is by the database's clock, and only the silo itself says it: whoever votes a silo dead
/// writes its row too, with a time that it has read.
/// </remarks>
internal static class MembershipSchema
{
    // Any constant of our own: silos that start together come one after another.
    private const long SchemaLock = 0x4469_7374_5472_6e32;

    private const string Tables =
        """
        CREATE TABLE IF NOT EXISTS OrleansQuery (QueryKey varchar(64) NOT NULL PRIMARY KEY, QueryText text NOT NULL);
        CREATE TABLE IF NOT EXISTS disttrain_cluster (id varchar(150) PRIMARY KEY, version integer NOT NULL DEFAULT 0);
        CREATE TABLE IF NOT EXISTS disttrain_silo (
            cluster varchar(150) NOT NULL REFERENCES disttrain_cluster (id), address varchar(45) NOT NULL, port integer NOT NULL, generation integer NOT NULL,
            name varchar(150) NOT NULL, host varchar(150) NOT NULL, status integer NOT NULL, gateway_port integer, suspects text, started timestamptz NOT NULL, alive timestamptz NOT NULL,
            PRIMARY KEY (cluster, address, port, generation));
        """;

    private const string Row = "s.cluster = @DeploymentId AND s.address = @Address AND s.port = @Port AND s.generation = @Generation";

    // Raises the version if it is the one that the caller has seen.
    private const string Raise = "UPDATE disttrain_cluster SET version = version + 1 WHERE id = @DeploymentId AND version = @Version";

    private const string Columns =
        """
        c.id AS DeploymentId, s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName, s.host AS HostName, s.status AS Status,
        s.gateway_port AS ProxyPort, s.suspects AS SuspectTimes, s.started AS StartTime, s.alive AS IAmAliveTime, c.version AS Version
        """;

    // Status 3 is Active.
    private static readonly (string Key, string Text)[] Queries =
    [
        ("GatewaysQueryKey", "SELECT address AS Address, gateway_port AS ProxyPort, generation AS Generation FROM disttrain_silo WHERE cluster = @DeploymentId AND status = @Status AND gateway_port > 0"),
        ("MembershipReadRowKey", $"SELECT {Columns} FROM disttrain_cluster c LEFT JOIN disttrain_silo s ON s.cluster = c.id AND {Row} WHERE c.id = @DeploymentId"),
        ("MembershipReadAllKey", $"SELECT {Columns} FROM disttrain_cluster c LEFT JOIN disttrain_silo s ON s.cluster = c.id WHERE c.id = @DeploymentId"),
        ("InsertMembershipVersionKey", "WITH made AS (INSERT INTO disttrain_cluster (id) VALUES (@DeploymentId) ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*)::int FROM made"),
        ("UpdateIAmAlivetimeKey", $"UPDATE disttrain_silo s SET alive = now() WHERE {Row}"),
        ("InsertMembershipKey",
            $"""
             WITH raised AS ({Raise} AND NOT EXISTS (SELECT 1 FROM disttrain_silo s WHERE {Row}) RETURNING 1),
             made AS (INSERT INTO disttrain_silo (cluster, address, port, generation, name, host, status, gateway_port, started, alive)
                      SELECT @DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, now() FROM raised RETURNING 1)
             SELECT count(*)::int FROM made
             """),
        ("UpdateMembershipKey",
            $"""
             WITH raised AS ({Raise} AND EXISTS (SELECT 1 FROM disttrain_silo s WHERE {Row}) RETURNING 1),
             made AS (UPDATE disttrain_silo s SET status = @Status, suspects = @SuspectTimes FROM raised WHERE {Row} RETURNING 1)
             SELECT count(*)::int FROM made
             """),
        ("DeleteMembershipTableEntriesKey", "DELETE FROM disttrain_silo WHERE cluster = @DeploymentId; DELETE FROM disttrain_cluster WHERE id = @DeploymentId"),
        ("CleanupDefunctSiloEntriesKey", "DELETE FROM disttrain_silo WHERE cluster = @DeploymentId AND alive < @IAmAliveTime AND status <> 3"),
    ];

    /// <summary>
    /// Strikes off what is left of a cluster that was killed as a whole; without this, whoever starts next waits minutes for it. A silo counts as dead where it refuses a
    /// connection, has not said for <paramref name="silence"/> that it is alive, and no other silo of the table accepts a connection: as long as one lives, the cluster itself
    /// finds out who does not. A silo that neither answers nor refuses may live beyond a broken network, and is left to Orleans too.
    /// </summary>
    /// <param name="own">Where this silo will listen; rows of its earlier lives are Orleans' own to replace.</param>
    /// <returns>How many were struck off, and how many refuse but were heard of too lately: look again.</returns>
    public static async Task<(int Buried, int Fresh)> BuryAsync(NpgsqlDataSource source, string cluster, IPEndPoint own, TimeSpan silence, CancellationToken cancellation)
    {
        var silos = new List<(string Address, int Port, int Generation, bool Silent)>();
        await using (var read = source.CreateCommand("SELECT address, port, generation, alive < now() - $2 FROM disttrain_silo WHERE cluster = $1 AND status BETWEEN 2 AND 5"))
        {
            read.Parameters.AddWithValue(cluster);
            read.Parameters.AddWithValue(silence);
            await using var reader = await read.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            while (await reader.ReadAsync(cancellation).ConfigureAwait(false)) silos.Add((reader.GetString(0), reader.GetInt32(1), reader.GetInt32(2), reader.GetBoolean(3)));
        }
        silos.RemoveAll(silo => silo.Port == own.Port && IPAddress.Parse(silo.Address).Equals(own.Address));
        var answers = await Task.WhenAll(silos.Select(silo => AskAsync(silo.Address, silo.Port, cancellation))).ConfigureAwait(false);
        if (answers.Contains(Answer.Accepts)) return (0, 0);
        var (buried, fresh) = (0, 0);
        foreach (var ((address, port, generation, silent), answer) in silos.Zip(answers))
        {
            if (answer != Answer.Refuses) continue;
            if (!silent)
            {
                fresh++;
                continue;
            }
            // The version goes up with it, so that no silo changes the table from a state in which this one lived. It may have spoken since it was read.
            await using var bury = source.CreateCommand(
                """
                WITH struck AS (UPDATE disttrain_silo SET status = 6 WHERE cluster = $1 AND address = $2 AND port = $3 AND generation = $4 AND status <> 6 AND alive < now() - $5 RETURNING 1)
                UPDATE disttrain_cluster SET version = version + 1 WHERE id = $1 AND EXISTS (SELECT 1 FROM struck)
                """);
            bury.Parameters.AddWithValue(cluster);
            bury.Parameters.AddWithValue(address);
            bury.Parameters.AddWithValue(port);
            bury.Parameters.AddWithValue(generation);
            bury.Parameters.AddWithValue(silence);
            buried += await bury.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
        return (buried, fresh);
    }

    private enum Answer
    {
        None,
        Accepts,
        Refuses,
    }

    private static async Task<Answer> AskAsync(string address, int port, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(1));
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Parse(address), port, limit.Token).ConfigureAwait(false);
            return Answer.Accepts;
        }
        catch (SocketException failed)
        {
            return failed.SocketErrorCode == SocketError.ConnectionRefused ? Answer.Refuses : Answer.None;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Answer.None;
        }
    }

    public static async Task PrepareAsync(NpgsqlDataSource source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        await using (var tables = new NpgsqlCommand($"SELECT pg_advisory_xact_lock({SchemaLock}); {Tables}", connection, transaction)) await tables.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        foreach (var (key, text) in Queries)
        {
            await using var query = new NpgsqlCommand("INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES ($1, $2) ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText", connection, transaction);
            query.Parameters.AddWithValue(key);
            query.Parameters.AddWithValue(text);
            await query.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
    }
}
