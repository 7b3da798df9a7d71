using DistTrain.Silo;

namespace DistTrain.Cluster.Tests.Silo;

public sealed class SettingsTests
{
    [Fact]
    public void Without_options_it_is_a_silo_of_this_machine()
    {
        var (settings, problems) = SettingsReader.Read([], _ => null);
        Assert.Empty(problems);
        Assert.True(settings is { Gateway: false, Shards: true, Workers: 1, PostgreSql: "", SiloPort: 11111, GatewayPort: 0 });
    }

    [Fact]
    public void The_command_line_wins_over_the_environment()
    {
        var (settings, _) = SettingsReader.Read(["--workers", "3", "--hosts=workers"], name => name == "DISTTRAIN_WORKERS" ? "5" : null);
        Assert.True(settings is { Workers: 3, Shards: false });
    }

    [Fact]
    public void Every_problem_is_said_at_once_with_what_to_do()
    {
        var (settings, problems) = SettingsReader.Read(["--role", "king", "--workers", "-1", "--address", "10.0.0.5", "--nonsense", "1", "--device", "tpu"], name => name == "DISTTRAIN_SILO_PORT" ? "0" : null);
        Assert.Null(settings);
        Assert.Contains(problems, p => p == "--role is \"king\". It must be silo or gateway.");
        Assert.Contains(problems, p => p == "--workers is \"-1\". It must be a whole number from 1 to 1024.");
        Assert.Contains(problems, p => p.StartsWith("--nonsense is no option", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.StartsWith("--device is \"tpu\". It must be auto", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.StartsWith("DISTTRAIN_SILO_PORT is \"0\"", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("clustering localhost is for one machine", StringComparison.OrdinalIgnoreCase));
        Assert.Contains(problems, p => p.Contains("no cluster key is set", StringComparison.Ordinal));
    }

    [Fact]
    public void A_gateway_beyond_loopback_asks_for_a_token_and_a_certificate()
    {
        var (_, problems) = SettingsReader.Read(["--role", "gateway", "--http-address", "0.0.0.0"], _ => null);
        Assert.Contains(problems, p => p.Contains("no token is set", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("no certificate is set", StringComparison.Ordinal));
    }

    [Theory, InlineData("Host=db;Prot=5432;Password=hunter2"), InlineData("hunter2"), InlineData("Host=db;Port=hunter2;Password=hunter2"), InlineData("Username=u;Password=hunter2"), InlineData("Host=db;Password='hunter2")]
    public void A_malformed_connection_string_is_named_and_not_repeated(string connection)
    {
        var (settings, problems) = SettingsReader.Read(["--clustering", "postgresql"], name => name == "DISTTRAIN_POSTGRESQL" ? connection : null);
        Assert.Null(settings);
        Assert.StartsWith("DISTTRAIN_POSTGRESQL is no connection string of PostgreSQL: ", Assert.Single(problems), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", problems[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_between_silos_are_set_together_and_belong_together()
    {
        using var folder = new Processes.TemporaryFolder();
        using var elsewhere = new Processes.TemporaryFolder();
        var certificates = new Processes.Certificates(folder.Path);
        var (certificate, key) = certificates.Issue("a");
        var (_, otherKey) = certificates.Issue("b");
        string[] Options(string of, string by, string authority) => ["--cluster-certificate", of, "--cluster-certificate-key", by, "--cluster-authority", authority];

        Assert.NotNull(SettingsReader.Read(Options(certificate, key, certificates.Authority), _ => null).Settings?.Tls);
        Assert.Contains("--cluster-authority is not set", Assert.Single(SettingsReader.Read(["--cluster-certificate", certificate, "--cluster-certificate-key", key], _ => null).Problems), StringComparison.Ordinal);
        Assert.Contains("must hold a certificate and its key", Assert.Single(SettingsReader.Read(Options(certificate, otherKey, certificates.Authority), _ => null).Problems), StringComparison.Ordinal);
        Assert.Contains("not one that other silos will believe", Assert.Single(SettingsReader.Read(Options(certificate, key, new Processes.Certificates(elsewhere.Path).Authority), _ => null).Problems), StringComparison.Ordinal);
        Assert.Contains("--cluster-certificate is \"/nowhere.pem\"", Assert.Single(SettingsReader.Read(Options("/nowhere.pem", key, certificates.Authority), _ => null).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_of_the_readme_holds_every_option_with_its_default()
    {
        var readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "silo-readme.md"));
        foreach (var setting in Setting.All)
        {
            Assert.Contains(setting.Variable, readme, StringComparison.Ordinal);
            if (setting.Default.Length > 0) Assert.Contains($"| `--{setting.Name}` | `{setting.Variable}` | `{setting.Default}` |", readme, StringComparison.Ordinal);
        }
    }
}
