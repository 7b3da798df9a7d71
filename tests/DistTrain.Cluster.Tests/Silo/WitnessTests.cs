using System.Net;
using System.Net.Sockets;
using DistTrain.Grains;
using Orleans.Runtime;

namespace DistTrain.Cluster.Tests.Silo;

/// <summary>Who may say that a silo is dead.</summary>
public sealed class WitnessTests
{
    private static readonly Func<Task<bool>> _reaches = () => Task.FromResult(true), _doesNot = () => Task.FromResult(false), _fails = () => throw new TimeoutException();

    [Fact]
    public async Task One_silo_alone_declares_no_other_dead_that_somebody_still_reaches()
    {
        Assert.False(await Witnesses.AgreeAsync(_reaches, []));
        Assert.False(await Witnesses.AgreeAsync(_doesNot, [_reaches]));
        Assert.False(await Witnesses.AgreeAsync(_doesNot, [_doesNot, _reaches]));
        Assert.False(await Witnesses.AgreeAsync(_doesNot, [_fails]));
    }

    [Fact]
    public async Task A_silo_that_nobody_reaches_is_dead()
    {
        Assert.True(await Witnesses.AgreeAsync(_doesNot, []));
        Assert.True(await Witnesses.AgreeAsync(_doesNot, [_doesNot]));
        Assert.True(await Witnesses.AgreeAsync(_doesNot, [_fails, _doesNot]));
    }

    [Fact]
    public async Task A_process_that_listens_is_reached_and_one_that_has_gone_is_not()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var silo = SiloAddress.New((IPEndPoint)listener.LocalEndpoint, 1);
        Assert.True(await Witnesses.AcceptsAsync(silo));
        listener.Stop();
        Assert.False(await Witnesses.AcceptsAsync(silo));
    }
}
