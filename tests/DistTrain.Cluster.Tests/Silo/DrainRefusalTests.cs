using DistTrain.Silo;
using Microsoft.AspNetCore.Http;

namespace DistTrain.Cluster.Tests.Silo;

/// <summary>Drain is asked for on the machine itself, and by no page that a browser there has open.</summary>
public sealed class DrainRefusalTests
{
    [Theory]
    [InlineData("localhost:8081")]
    [InlineData("LOCALHOST")]
    [InlineData("127.0.0.1:8081")]
    [InlineData("[::1]:8081")]
    public void A_command_with_the_header_may_drain(string host) => Assert.Null(DrainRefusal.Of(Request(host)));

    [Theory]
    [InlineData("Origin", "https://example.org")]
    [InlineData("Origin", "null")]
    [InlineData("Origin", "http://localhost:8081")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Host", "rebound.example.org:8081")]
    [InlineData("Host", "localhost.example.org")]
    [InlineData("Host", "")]
    [InlineData(DrainRefusal.Header, "0")]
    [InlineData(DrainRefusal.Header, "")]
    public void What_a_page_would_send_is_refused(string header, string value)
    {
        var request = Request("localhost:8081");
        request.Headers[header] = value;
        Assert.NotNull(DrainRefusal.Of(request));
    }

    [Fact]
    public void Without_the_header_nothing_is_drained()
    {
        var request = Request("localhost:8081");
        request.Headers.Remove(DrainRefusal.Header);
        Assert.Equal("drain asks for the header X-DistTrain-Drain: 1", DrainRefusal.Of(request));
    }

    private static HttpRequest Request(string host)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers.Host = host;
        request.Headers[DrainRefusal.Header] = "1";
        return request;
    }
}
