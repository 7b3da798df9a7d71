using System.Globalization;
using System.Text;
using DistTrain.Protocol;
using Xunit.Abstractions;

namespace DistTrain.Tests.Simulation;

public sealed class SimulatorTests(ITestOutputHelper output)
{
    // Every message that crosses the network. Behind is a primary that cannot open what the job decided: it must never be sent.
    private static readonly MessageKind[] Crossing =
    [
        MessageKind.Join, MessageKind.Request, MessageKind.WorkerAlive, MessageKind.Evaluated, MessageKind.Failed, MessageKind.Leave,
        MessageKind.Welcome, MessageKind.Refused, MessageKind.Lease, MessageKind.Unknown, MessageKind.Ended,
        MessageKind.Pull, MessageKind.Push, MessageKind.Weights, MessageKind.Answer,
        MessageKind.SeatAlive, MessageKind.Adopted, MessageKind.Restored, MessageKind.Opened, MessageKind.Reduced, MessageKind.Saved,
        MessageKind.Adopt, MessageKind.Restore, MessageKind.OpenStep, MessageKind.AskSaved, MessageKind.Published,
        MessageKind.Mirror, MessageKind.Mirrored, MessageKind.NeedState, MessageKind.State, MessageKind.Control, MessageKind.ControlAnswer,
    ];

    private static readonly MessageKind[] BetweenMembers = [MessageKind.Lease, MessageKind.TakenBack, MessageKind.Activation, MessageKind.ActivationGradient, MessageKind.Taken];

    [Fact]
    public void A_thousand_seeds_end_with_the_oracles_bits()
    {
        var campaign = Campaign.Run(0, 1000);
        output.WriteLine(campaign.Table());
        // The console of a passing run hides what tests write; the build prints this file after the tests (ClosingLines.targets).
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "simulator.txt"), campaign.Table());
        Assert.True(campaign.Violations.Count == 0, string.Join("\n", campaign.Violations.Take(5).Select(static v => v.Text)));
        Assert.True(campaign.FewestFaults >= 10, $"a run had only {campaign.FewestFaults} faults");
        foreach (var fault in Enum.GetValues<FaultKind>()) Assert.True(campaign[fault] > 0, $"{fault} never happened");
        foreach (var kind in Crossing)
        {
            var traffic = campaign[kind];
            Assert.True(traffic.Sent > 0 && traffic.Dropped + traffic.CutOff > 0 && traffic.Repeated > 0 && traffic.Delayed + traffic.Reordered > 0, $"{kind} was not sent, lost, repeated and delayed");
        }
        Assert.True(campaign[MessageKind.Alarm].Sent > 0, "no corruption was noticed");
        Assert.Equal(0, campaign[MessageKind.Behind].Sent);
    }

    [Fact]
    public void One_loss_at_a_time_costs_no_committed_step()
    {
        var campaign = Campaign.Run(0, 100, change: static s => s with { OneLossAtATime = true, NonFiniteStep = -1, Corrupts = false, Plan = s.Plan with { Replicated = true } });
        output.WriteLine(campaign.Table());
        Assert.True(campaign.Violations.Count == 0, string.Join("\n", campaign.Violations.Take(5).Select(static v => v.Text)));
        Assert.True(campaign[FaultKind.SeatCrash] >= 100 && campaign[FaultKind.SchedulerCrash] >= 25);
    }

    [Fact]
    public void A_hundred_and_fifty_seeds_of_pipelines_end_with_the_oracles_bits()
    {
        var campaign = Campaign.Run(0, 150, change: static s => s.Piped());
        output.WriteLine(campaign.Table());
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "simulator-pipelines.txt"), $"pipelines: {campaign.Table()}");
        Assert.True(campaign.Violations.Count == 0, string.Join("\n", campaign.Violations.Take(5).Select(static v => v.Text)));
        Assert.True(campaign.FewestFaults >= 10, $"a run had only {campaign.FewestFaults} faults");
        foreach (var fault in Enum.GetValues<FaultKind>()) Assert.True(campaign[fault] > 0, $"{fault} never happened");
        foreach (var kind in BetweenMembers)
        {
            var traffic = campaign[kind];
            Assert.True(traffic.Sent > 0 && traffic.Dropped + traffic.CutOff > 0 && traffic.Repeated > 0 && traffic.Delayed + traffic.Reordered > 0, $"{kind} was not sent, lost, repeated and delayed");
        }
        Assert.True(campaign.UnitsForward > campaign.UnitsBackward && campaign.UnitsBackward > 0 && campaign.LeasesAlone > 0);
    }

    [Theory]
    [InlineData("dedupe")]
    [InlineData("fence")]
    [InlineData("ancestor check")]
    [InlineData("tree order")]
    [InlineData("replica rule")]
    public void Each_rule_switched_off_is_noticed(string rule)
    {
        var planted = rule switch
        {
            "dedupe" => new Planted { DedupeOff = true },
            "fence" => new Planted { FenceOff = true },
            "ancestor check" => new Planted { AncestorCheckOff = true },
            "tree order" => new Planted { TreeOrderOff = true },
            _ => new Planted { ReplicaRuleOff = true },
        };
        var campaign = Campaign.Run(0, 40, planted);
        var first = campaign.Violations.OrderBy(static v => v.Seed).FirstOrDefault();
        Assert.True(campaign.Violations.Count > 0, $"40 seeds without the {rule} show nothing");
        output.WriteLine($"without the {rule}: {campaign.Violations.Count} of 40 seeds fail, first after {first.Seed + 1}: {first.Text}");
    }

    [Fact]
    public void Activations_of_an_earlier_attempt_are_noticed_when_they_are_taken()
    {
        var campaign = Campaign.Run(0, 40, new Planted { AttemptCheckOff = true }, static s => s.Piped());
        var first = campaign.Violations.OrderBy(static v => v.Seed).FirstOrDefault();
        Assert.True(campaign.Violations.Count > 0, "40 seeds without the check of attempts show nothing");
        output.WriteLine($"without the check of attempts: {campaign.Violations.Count} of 40 seeds fail, first after {first.Seed + 1}: {first.Text}");
    }

    [Fact]
    public void A_seed_is_the_same_run_every_time()
    {
        var (once, again) = (new World(Scenario.Draw(4)), new World(Scenario.Draw(4)));
        once.Run();
        again.Run();
        Assert.Equal((once.Now, once.Handled), (again.Now, again.Handled));
    }

    /// <summary>Where to look when a seed fails: set DISTTRAIN_SEED and read the trace.</summary>
    [Fact]
    public void Simulated_run_of_one_seed()
    {
        var seed = ulong.Parse(Environment.GetEnvironmentVariable("DISTTRAIN_SEED") ?? "1", CultureInfo.InvariantCulture);
        var trace = new StringBuilder();
        var scenario = Scenario.Draw(seed);
        var world = new World(Environment.GetEnvironmentVariable("DISTTRAIN_PIPED") is null ? scenario : scenario.Piped(), null, line => trace.AppendLine(line));
        try
        {
            world.Run();
        }
        finally
        {
            if (Environment.GetEnvironmentVariable("DISTTRAIN_SEED") is not null) output.WriteLine(trace.ToString());
        }
        Assert.True(world.Scenario.Plan.TotalSteps >= 50 && world.Scenario.Workers >= 3 && world.Scenario.Plan.Shards.Length >= 2);
    }
}
