using DistTrain.Contracts;
using Npgsql;

namespace DistTrain.Grains;

/// <summary>The store in PostgreSQL: one table of texts by kind and key, one of events. A compare-and-swap is one statement.</summary>
public sealed class PostgresStore(NpgsqlDataSource source) : IClusterStore
{
    // Any constant of our own: silos that start together make the tables one after another.
    private const long SchemaLock = 0x4469_7374_5472_6e31;

    public async Task PrepareAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        await using var command = new NpgsqlCommand(
            $"""
             SELECT pg_advisory_xact_lock({SchemaLock});
             CREATE TABLE IF NOT EXISTS disttrain_text (
                 kind text NOT NULL, key text NOT NULL, revision bigint NOT NULL, body text NOT NULL, changed timestamptz NOT NULL DEFAULT now(),
                 PRIMARY KEY (kind, key));
             CREATE TABLE IF NOT EXISTS disttrain_event (
                 job text NOT NULL, sequence bigint NOT NULL, at timestamptz NOT NULL, step bigint NOT NULL, kind text NOT NULL, severity text NOT NULL, body text NOT NULL,
                 PRIMARY KEY (job, sequence));
             """, connection, transaction);
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
    }

    public async Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand("SELECT key, body, revision FROM disttrain_text WHERE kind = $1 AND key = $2");
        command.Parameters.AddWithValue(kind);
        command.Parameters.AddWithValue(key);
        return (await TextsAsync(command, cancellation).ConfigureAwait(false)).SingleOrDefault();
    }

    public async Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand(expected == 0
            ? "INSERT INTO disttrain_text (kind, key, revision, body) VALUES ($1, $2, $4 + 1, $3) ON CONFLICT DO NOTHING"
            : "UPDATE disttrain_text SET revision = revision + 1, body = $3, changed = now() WHERE kind = $1 AND key = $2 AND revision = $4");
        command.Parameters.AddWithValue(kind);
        command.Parameters.AddWithValue(key);
        command.Parameters.AddWithValue(text);
        command.Parameters.AddWithValue(expected);
        return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false) == 1
            ? (true, new StoredText(key, text, expected + 1))
            : (false, await ReadAsync(kind, key, cancellation).ConfigureAwait(false));
    }

    public async Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand("SELECT key, body, revision FROM disttrain_text WHERE kind = $1");
        command.Parameters.AddWithValue(kind);
        return await TextsAsync(command, cancellation).ConfigureAwait(false);
    }

    public async Task RemoveAsync(string kind, string key, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand("DELETE FROM disttrain_text WHERE kind = $1 AND key = $2");
        command.Parameters.AddWithValue(kind);
        command.Parameters.AddWithValue(key);
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    public async Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation)
    {
        await using var batch = source.CreateBatch();
        foreach (var happened in events)
        {
            var command = new NpgsqlBatchCommand("INSERT INTO disttrain_event (job, sequence, at, step, kind, severity, body) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING");
            command.Parameters.AddWithValue(job);
            command.Parameters.AddWithValue(happened.Sequence);
            command.Parameters.AddWithValue(happened.At.ToUniversalTime());
            command.Parameters.AddWithValue(happened.Step);
            command.Parameters.AddWithValue(happened.Kind);
            command.Parameters.AddWithValue(happened.Severity);
            command.Parameters.AddWithValue(happened.Text);
            batch.BatchCommands.Add(command);
        }
        if (batch.BatchCommands.Count > 0) await batch.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation)
    {
        await using var command = source.CreateCommand("SELECT sequence, at, step, kind, severity, body FROM disttrain_event WHERE job = $1 ORDER BY sequence");
        command.Parameters.AddWithValue(job);
        await using var reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        var events = new List<TrainingEvent>();
        while (await reader.ReadAsync(cancellation).ConfigureAwait(false))
            events.Add(new TrainingEvent(reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetInt64(2), reader.GetString(3), reader.GetString(4), reader.GetString(5)));
        return events;
    }

    private static async Task<IReadOnlyList<StoredText>> TextsAsync(NpgsqlCommand command, CancellationToken cancellation)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        var texts = new List<StoredText>();
        while (await reader.ReadAsync(cancellation).ConfigureAwait(false)) texts.Add(new StoredText(reader.GetString(0), reader.GetString(1), reader.GetInt64(2)));
        return texts;
    }
}
