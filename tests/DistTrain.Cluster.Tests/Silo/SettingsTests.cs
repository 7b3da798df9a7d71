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
