using DistTrain.Tests;

namespace DistTrain.Cluster.Tests.Stores;

/// <summary>A fact that needs a database; skipped where DISTTRAIN_TEST_POSTGRESQL names none.</summary>
public sealed class PostgreSqlFactAttribute : FactAttribute
{
    public PostgreSqlFactAttribute() => Skip = Needs.Unless(Environment.GetEnvironmentVariable("DISTTRAIN_TEST_POSTGRESQL") is { Length: > 0 },
        "no PostgreSQL to test with (name one in DISTTRAIN_TEST_POSTGRESQL, as a connection string): the store was tested on a folder only");
}
