using System.Net;
using System.Net.Http.Headers;
using DistTrain.Dashboard;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace DistTrain.Tests.Dashboard;

/// <summary>Who is let in: nobody without the token, no other host's page, and nobody at all over the network in plain text.</summary>
public sealed class AccessTests : ApiFixture
{
    private static readonly string[] Verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

    /// <summary>Whatever routes there are, now and later.</summary>
    [Fact]
    public async Task Every_endpoint_and_verb_of_the_route_table_answers_401_without_the_token_and_with_a_wrong_one()
    {
        var paths = Server.Endpoints.OfType<RouteEndpoint>().Select(e => "/" + e.RoutePattern.RawText!.Trim('/').Replace("{job}", "job-1", StringComparison.Ordinal).Replace("{**rest}", "v1/no/such/route", StringComparison.Ordinal)).Distinct().ToArray();
        var api = paths.Where(p => p.StartsWith("/api/", StringComparison.Ordinal)).ToArray();
        Assert.True(api.Length >= 15, $"only {api.Length} routes below /api: {string.Join(", ", api)}");
        string?[] credentials = [null, "Bearer", "Bearer x", $"Bearer {Token}x", $"Bearer {Token[..^1]}", $"Basic {Token}", Token, $"Bearer {Token.ToUpperInvariant()}"];
        using var anyone = new HttpClient();
        foreach (var path in api)
            foreach (var verb in Verbs)
                foreach (var credential in credentials)
                {
                    using var request = new HttpRequestMessage(new HttpMethod(verb), new Uri(Server.Address, path));
                    if (credential is not null) request.Headers.TryAddWithoutValidation("Authorization", credential);
                    using var response = await anyone.SendAsync(request);
                    Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{verb} {path} with \"{credential}\" answers {(int)response.StatusCode}");
                    Assert.Equal("Bearer", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
                }
        Assert.Empty(Cluster.Submissions);
        Assert.Empty(Cluster.Commands);
        // What is open is the page's own files, the same for everybody.
        Assert.Equal(["/", "/page/{**file}"], paths.Except(api).Order(StringComparer.Ordinal));
        foreach (var query in new[] { $"?token={Token}", $"?access_token={Token}" }) Assert.Equal(HttpStatusCode.Unauthorized, (await anyone.GetAsync(new Uri(Server.Address, "api/v1/jobs" + query))).StatusCode);
    }

    [Fact]
    public async Task The_token_opens_the_api()
    {
        Assert.Equal(HttpStatusCode.OK, (await Client.GetAsync("jobs")).StatusCode);
        Assert.EndsWith($"#token={Token}", Server.Link, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("127.0.0.1.")]
    [InlineData("0x7f000001.evil.example")]
    public async Task A_host_name_that_is_not_its_own_is_refused_so_that_no_name_can_be_rebound_to_it(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "jobs") { Headers = { Host = host } };
        using var response = await Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, response.StatusCode);
        Assert.Contains("which this server does not go by", (string)(await ObjectOf(response))["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_another_origin_is_refused_and_its_own_is_not()
    {
        foreach (var (origin, status) in new[] { ("https://evil.example", HttpStatusCode.Forbidden), ("null", HttpStatusCode.Forbidden), ("http://127.0.0.1:1", HttpStatusCode.Forbidden), (Server.Address.ToString().TrimEnd('/'), HttpStatusCode.OK) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "jobs");
            request.Headers.Add("Origin", origin);
            using var response = await Client.SendAsync(request);
            Assert.True(response.StatusCode == status, $"{origin}: {response.StatusCode}");
        }
    }

    [Theory]
    [InlineData("gateway.example:7070", "http://gateway.example", HttpStatusCode.Forbidden)]
    [InlineData("gateway.example:7070", "https://gateway.example", HttpStatusCode.Forbidden)]
    [InlineData("gateway.example", "https://gateway.example:8443", HttpStatusCode.Forbidden)]
    [InlineData("gateway.example", "https://gateway.example", HttpStatusCode.OK)]
    [InlineData("gateway.example", "http://gateway.example", HttpStatusCode.OK)]
    [InlineData("gateway.example:7070", "https://gateway.example:7070", HttpStatusCode.OK)]
    public async Task An_origin_has_the_requests_port_or_both_have_none(string host, string origin, HttpStatusCode status)
    {
        var options = Options();
        options.Hosts.Add("gateway.example");
        await using var server = await DashboardServer.StartAsync(Cluster, options);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Address, "api/v1/jobs")) { Headers = { Host = host } };
        request.Headers.Add("Origin", origin);
        using var response = await Client.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/page/app.js")]
    [InlineData("/api/v1/jobs")]
    [InlineData("/api/v1/none")]
    public async Task Every_answer_carries_the_security_headers_and_no_script_may_come_from_elsewhere(string path)
    {
        using var response = await Client.GetAsync(new Uri(Server.Address, path));
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        foreach (var part in new[] { "default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'" }) Assert.Contains(part, policy, StringComparison.Ordinal);
        Assert.DoesNotMatch("https?:|unsafe|\\*", policy);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("no-referrer", Assert.Single(response.Headers.GetValues("Referrer-Policy")));
        Assert.False(response.Headers.Contains("Server"));
    }

    [Fact]
    public async Task The_page_names_no_other_host()
    {
        foreach (var name in typeof(DashboardServer).Assembly.GetManifestResourceNames().Where(n => n.StartsWith("page/", StringComparison.Ordinal) && !n.StartsWith("page/vendor/", StringComparison.Ordinal)))
        {
            using var response = await Client.GetAsync(new Uri(Server.Address, name == "page/index.html" ? "/" : name));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.DoesNotMatch(@"(?<!xmlns=.|NS\(.)https?://", await response.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData("0.0.0.0:0", "without TLS", false)]
    [InlineData("[::]:0", "without TLS", false)]
    [InlineData("*:0", "without TLS", false)]
    [InlineData("192.0.2.1:0", "no token is asked for", true)]
    [InlineData("nowhere", "It must be an address and a port", false)]
    public async Task Listening_beyond_loopback_without_tls_or_token_is_refused_before_anything_listens(string listen, string reason, bool open)
    {
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => DashboardServer.StartAsync(Cluster, new DashboardOptions { Listen = listen, RequireToken = !open }));
        Assert.Contains(refused.Failures, f => f.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_short_token_and_half_a_certificate_are_told_together()
    {
        var problems = ListenRules.Problems(new DashboardOptions { Listen = "0.0.0.0:7070", Token = "short", CertificateFile = "/none.pem" });
        foreach (var part in new[] { "the token has 5 characters", "only one of certificate and key is set", "/none.pem is not there" }) Assert.Contains(problems, p => p.Contains(part, StringComparison.Ordinal));
        Assert.Empty(ListenRules.Problems(new DashboardOptions { Listen = "0.0.0.0:7070", TlsEndsInFront = true }));
    }

    [Fact]
    public async Task A_random_token_is_made_where_none_is_set_and_is_another_each_time()
    {
        await using var one = await DashboardServer.StartAsync(Cluster, new DashboardOptions());
        await using var two = await DashboardServer.StartAsync(Cluster, new DashboardOptions());
        Assert.Equal(43, one.Token.Length);
        Assert.NotEqual(one.Token, two.Token);
        using var client = new HttpClient { DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", one.Token) } };
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri(one.Address, "api/v1/jobs"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(new Uri(two.Address, "api/v1/jobs"))).StatusCode);
    }
}
