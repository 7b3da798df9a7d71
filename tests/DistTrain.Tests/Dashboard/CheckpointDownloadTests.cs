using System.Formats.Tar;
using System.Net;
using DistTrain.Client;
using DistTrain.Contracts;

namespace DistTrain.Tests.Dashboard;

/// <summary>A checkpoint over the API: all of it, nothing else.</summary>
public sealed class CheckpointDownloadTests : ApiFixture, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain-download-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_manifest_and_all_that_it_names_come_as_one_tar_byte_for_byte()
    {
        Write("step-7.shard-0.safetensors", "weights");
        Write("step-7.losslog", "log");
        Write("beside.txt", "not of it");
        Cluster.Manifest = Write("step-7.manifest.json", """{ "shards": [ { "name": "step-7.shard-0.safetensors" } ], "lossLog": { "name": "step-7.losslog" } }""");
        using var response = await Client.GetAsync("jobs/job-1/checkpoints/7/files");
        Assert.Equal((HttpStatusCode.OK, "application/x-tar", "job-1-step-7.tar"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType, response.Content.Headers.ContentDisposition!.FileName!.Trim('"')));
        var expected = new[] { "step-7.manifest.json", "step-7.shard-0.safetensors", "step-7.losslog" };
        Assert.Equal(expected.Select(n => (n, File.ReadAllText(Path.Combine(_folder, n)))), await Entries(await response.Content.ReadAsStreamAsync()));
        using var saved = new MemoryStream();
        await using var sdk = new DistTrainClient(Server.Link);
        await sdk.SaveCheckpointAsync("job-1", 7, saved);
        saved.Position = 0;
        Assert.Equal(expected, (await Entries(saved)).Select(e => e.Name));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/file")]
    [InlineData("..")]
    [InlineData("link")]
    public async Task A_manifest_that_names_anything_but_plain_files_beside_it_sends_nothing(string name)
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), "/etc/hostname");
        Cluster.Manifest = Write("step-7.manifest.json", $$"""{ "shards": [ { "name": "{{name}}" } ], "lossLog": { "name": "" } }""");
        using var response = await Client.GetAsync("jobs/job-1/checkpoints/7/files");
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Contains("no plain file beside it", (string)(await ObjectOf(response))["detail"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("8", HttpStatusCode.NotFound, "has no checkpoint of step 8. It has 7.")]
    [InlineData("..%2f..", HttpStatusCode.UnprocessableEntity, "It must be the number of a step")]
    [InlineData("7", HttpStatusCode.Conflict, "which this server does not see")]
    public async Task What_is_not_there_is_said_so(string step, HttpStatusCode status, string detail)
    {
        using var response = await Client.GetAsync($"jobs/job-1/checkpoints/{step}/files");
        Assert.Equal(status, response.StatusCode);
        Assert.Contains(detail, (string)(await ObjectOf(response))["detail"]!, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(Path.Combine(_folder, name), text);
        return Path.Combine(_folder, name);
    }

    private static async Task<List<(string Name, string Text)>> Entries(Stream tar)
    {
        var entries = new List<(string, string)>();
        await using var reader = new TarReader(tar);
        while (await reader.GetNextEntryAsync(copyData: true) is { } entry)
        {
            using var text = new StreamReader(entry.DataStream!);
            entries.Add((entry.Name, await text.ReadToEndAsync()));
        }
        return entries;
    }
}
