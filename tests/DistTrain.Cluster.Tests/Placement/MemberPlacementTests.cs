using DistTrain.Grains;
using DistTrain.Grains.Wire;
using Orleans.Runtime;

namespace DistTrain.Cluster.Tests.Placement;

public sealed class MemberPlacementTests
{
    [Fact]
    public void Seats_go_to_every_silo_that_holds_shards_and_workers_are_spread()
    {
        var placed = MemberPlacement.Decide(new MemberNeeds(2, 3, "auto"), [Silo(1, shards: true, 2), Silo(2, shards: true, 2), Silo(3, shards: false, 2)]);
        Assert.Equal([(1, 1, 2), (2, 1, 2), (3, 1, 0)], Summary(placed));
    }

    [Fact]
    public void What_a_silo_runs_already_is_not_started_again()
    {
        var placed = MemberPlacement.Decide(new MemberNeeds(2, 2, "auto"), [Silo(1, shards: true, 2, runs: 1, seats: 2), Silo(2, shards: true, 2, runs: 1, seats: 1)]);
        Assert.Equal([(2, 0, 1)], Summary(placed));
    }

    [Fact]
    public void A_job_that_lost_a_worker_gets_one_where_there_is_room() =>
        Assert.Equal([(2, 1, 0)], Summary(MemberPlacement.Decide(new MemberNeeds(0, 2, "auto"), [Silo(1, shards: false, 1, runs: 1), Silo(2, shards: false, 1)])));

    [Fact]
    public void A_device_that_no_silo_has_is_refused_but_a_cluster_without_workers_may_get_it()
    {
        SiloOffer Offer(string device, int workers) => new("", true, workers, device, $"a {device}", false);
        Assert.Equal("cluster.device is gpu:0, which no silo of this cluster has. There are cpu (a cpu); opencl:0 (a opencl:0). Choose one of these or auto, or start a silo with --device gpu:0 and submit again.",
            MemberPlacement.WhyNoDevice("gpu:0", [Offer("opencl:0", 1), Offer("cpu", 2)]));
        Assert.Null(MemberPlacement.WhyNoDevice("gpu:0", [Offer("gpu:3", 1)]));
        Assert.Null(MemberPlacement.WhyNoDevice("gpu:0", [Offer("cpu", 0)]));
        Assert.Null(MemberPlacement.WhyNoDevice("auto", [Offer("cpu", 1)]));
    }

    [Fact]
    public void Workers_of_a_job_for_GPUs_go_where_GPUs_are() =>
        Assert.Equal([(2, 1, 0)], Summary(MemberPlacement.Decide(new MemberNeeds(0, 4, "gpu:0"), [Silo(1, shards: false, 4), Silo(2, shards: false, 1, device: "gpu:1")])));

    [Fact]
    public void A_silo_that_leaves_gets_nothing() =>
        Assert.Equal([(1, 1, 1)], Summary(MemberPlacement.Decide(new MemberNeeds(1, 4, "auto"), [Silo(1, shards: true, 1), Silo(2, shards: true, 8, leaving: true)])));

    [Theory, InlineData("auto", "gpu:1", "gpu:1"), InlineData("cpu", "gpu:1", "cpu"), InlineData("gpu:0", "gpu:1", "gpu:1"), InlineData("auto", "auto", "auto")]
    public void Which_device_of_its_kind_the_silo_says(string wanted, string offered, string used) => Assert.Equal(used, MemberPlacement.DeviceOn(wanted, offered));

    [Fact]
    public void A_members_key_names_its_silo()
    {
        var key = new MemberKey("digits-0011aabb", 7, Address(3));
        Assert.Equal(key, MemberKey.Parse(key.ToString()));
        Assert.Throws<FormatException>(() => MemberKey.Parse("digits-0011aabb"));
    }

    private static SiloState Silo(int number, bool shards, int workers, int runs = 0, int seats = 0, string device = "auto", bool leaving = false) =>
        new(Address(number), new SiloOffer("127.0.0.1:1", shards, workers, device, $"silo-{number}", leaving), runs, seats);

    private static SiloAddress Address(int number) => SiloAddress.FromParsableString($"127.0.0.1:{number}@1");

    private static (int Silo, int Workers, int Seats)[] Summary(IReadOnlyList<MembersToStart> placed) => [.. placed.Select(p => (p.Silo.Endpoint.Port, p.Workers, p.Seats))];
}
