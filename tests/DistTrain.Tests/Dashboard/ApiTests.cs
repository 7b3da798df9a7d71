using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Tests.Dashboard;

/// <summary>Requests and answers of the HTTP API, version 1.</summary>
public sealed class ApiTests : ApiFixture
{
    [Fact]
    public async Task A_submission_is_handed_on_as_it_came_and_answered_with_the_jobs_status_and_place()
    {
        using var response = await Client.PostAsJsonAsync("jobs", new { id = "k-1", spec = "kind: TrainingJob", overrides = new[] { "a=1" } });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("/api/v1/jobs/job-1", response.Headers.Location!.ToString());
        Assert.Equal("running", (string)(await ObjectOf(response))["state"]!);
        var submission = Assert.Single(Cluster.Submissions);
        Assert.Equal(("k-1", "kind: TrainingJob", "a=1"), (submission.Id, submission.Spec, Assert.Single(submission.Overrides)));
    }

    [Theory]
    [InlineData("{\"id\":\"has space\",\"spec\":\"\",\"overrides\":[null]}", 422, 3)]
    [InlineData("{\"id\":\"ok\"}", 422, 1)]
    [InlineData("{", 400, 1)]
    [InlineData("null", 422, 1)]
    [InlineData("[1]", 400, 1)]
    public async Task A_wrong_body_is_refused_with_every_problem_and_never_reaches_the_cluster(string body, int status, int problems)
    {
        using var response = await Client.PostAsync("jobs", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var report = await ObjectOf(response);
        Assert.Equal(problems, report["problems"]!.AsArray().Count);
        Assert.Equal(status, (int)report["status"]!);
        Assert.Empty(Cluster.Submissions);
    }

    [Fact]
    public async Task A_body_that_is_too_large_or_of_another_type_is_refused()
    {
        using var large = await Client.PostAsJsonAsync("jobs", new { id = "k", spec = new string('x', 20_000), overrides = Array.Empty<string>() });
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        using var text = await Client.PostAsync("jobs", new StringContent("kind: TrainingJob", Encoding.UTF8, "application/yaml"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, text.StatusCode);
    }

    [Theory]
    [InlineData(ClusterError.Invalid, 422, "invalid")]
    [InlineData(ClusterError.NotFound, 404, "notFound")]
    [InlineData(ClusterError.Conflict, 409, "conflict")]
    [InlineData(ClusterError.NotAllowed, 403, "notAllowed")]
    [InlineData(ClusterError.Unreachable, 503, "unreachable")]
    public async Task Each_refusal_of_the_cluster_has_its_status_and_lists_all_problems(ClusterError error, int status, string title)
    {
        Cluster.Refusal = new ClusterException(error, ["the first is wrong.", "the second too."]);
        foreach (var path in new[] { "jobs", "jobs/job-1", "jobs/job-1/why", "jobs/job-1/metrics", "jobs/job-1/live" })
        {
            using var response = await Client.GetAsync(path);
            Assert.Equal(status, (int)response.StatusCode);
            var report = await ObjectOf(response);
            Assert.Equal((title, "the first is wrong.\nthe second too."), ((string)report["title"]!, (string)report["detail"]!));
            Assert.Equal(2, report["problems"]!.AsArray().Count);
        }
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Client.GetAsync("health")).StatusCode);
    }

    [Fact]
    public async Task A_failure_that_nobody_thought_of_is_answered_as_a_problem_and_tells_nothing_of_itself()
    {
        Cluster.Refusal = new InvalidOperationException("Host=db;Password=hunter2");
        using var response = await Client.GetAsync("jobs");
        Assert.Equal((HttpStatusCode.InternalServerError, "application/problem+json"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        var report = await ObjectOf(response);
        Assert.Equal("internal", (string)report["title"]!);
        Assert.DoesNotContain("hunter2", report.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_job_route_and_parameter_are_named()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetAsync("jobs/none/events")).StatusCode);
        using var route = await Client.GetAsync("nothing");
        Assert.Contains("there is nothing at GET /api/v1/nothing", (string)(await ObjectOf(route))["detail"]!, StringComparison.Ordinal);
        using var limit = await Client.GetAsync("jobs/job-1/metrics?limit=0");
        Assert.Equal("limit is \"0\". It must be a whole number from 1 to 10000.", (string)(await ObjectOf(limit))["detail"]!);
    }

    [Fact]
    public async Task Numbers_that_json_lacks_are_null_and_infinities_are_words()
    {
        Cluster.Step(double.NaN, double.PositiveInfinity);
        Cluster.End();
        var status = await Client.GetFromJsonAsync<JsonObject>("jobs/job-1");
        Assert.True(status!.ContainsKey("testLoss"));
        Assert.Null(status["testLoss"]);
        var point = (await Client.GetFromJsonAsync<JsonObject>("jobs/job-1/metrics"))!["points"]![0]!.AsObject();
        Assert.Null(point["loss"]);
        Assert.Equal("Infinity", (string)point["gradientNorm"]!);
        Assert.Equal("Infinity", (string)(await Client.GetFromJsonAsync<JsonArray>("jobs/job-1/why"))![0]!["deadlineSeconds"]!);
    }

    [Fact]
    public async Task Metrics_come_in_pages_as_csv_and_thinned_to_what_a_chart_has_room_for()
    {
        for (var i = 0; i < 5000; i++) Cluster.Step(loss: i == 2500 ? 1000 : 1);
        var page = (await Client.GetFromJsonAsync<JsonObject>("jobs/job-1/metrics?after=10&limit=20"))!;
        Assert.Equal((20, 30, true), (page["points"]!.AsArray().Count, (int)page["after"]!, (bool)page["more"]!));
        Assert.Equal(11, (int)page["points"]![0]!["sequence"]!);

        var history = (await Client.GetFromJsonAsync<JsonObject>("jobs/job-1/metrics?points=100"))!;
        var loss = history["series"]!.AsArray().Single(s => (string)s!["name"]! == "trainLoss")!;
        var shown = loss["points"]!.AsArray();
        Assert.InRange(shown.Count, 40, 100);
        Assert.Equal((5000, 5000L), ((int)loss["total"]!, shown.Sum(p => (long)p!["count"]!)));
        Assert.Contains(shown, p => (double)p!["max"]! == 1000);
        Assert.Equal($"{shown.Count} of 5,000 points, min/max kept", (string)history["text"]!);
        Assert.Equal(5000, (int)history["after"]!);

        var csv = (await Client.GetStringAsync("jobs/job-1/metrics?format=csv")).TrimEnd('\n').Split('\n');
        Assert.Equal(5001, csv.Length);
        Assert.StartsWith("sequence,kind,step,epoch,seconds,loss,", csv[0], StringComparison.Ordinal);
        Assert.StartsWith("5000,step,5000,", csv[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_is_sent_again_carries_its_own_name()
    {
        await Client.PostAsync("jobs/job-1/stop?command=stop-7", null);
        await Client.PostAsync("jobs/job-1/stop?command=stop-7", null);
        await Client.PostAsync("jobs/job-1/stop", null);
        Assert.Equal(["stop-7", "stop-7"], Cluster.Commands[..2]);
        Assert.StartsWith("stop-", Cluster.Commands[2], StringComparison.Ordinal);
        using var wrong = await Client.PostAsync("jobs/job-1/stop?command=a%20b", null);
        Assert.Equal(422, (int)wrong.StatusCode);
    }

    [Fact]
    public async Task Spec_version_and_health_answer()
    {
        Assert.Equal("apiVersion: disttrain/v1\n", await Client.GetStringAsync("jobs/job-1/spec"));
        var version = (await Client.GetFromJsonAsync<JsonObject>("version"))!;
        Assert.Equal(("DistTrain", "v1"), ((string)version["product"]!, (string)version["api"]!));
        Assert.Equal("healthy", (string)(await Client.GetFromJsonAsync<JsonObject>("health"))!["status"]!);
        Assert.Equal("insufficientData", (string)(await Client.GetFromJsonAsync<JsonObject>("jobs/job-1/diagnosis"))!["verdict"]!);
        Assert.Equal(7, (int)(await Client.GetFromJsonAsync<JsonArray>("jobs/job-1/checkpoints"))![0]!["step"]!);
    }
}
