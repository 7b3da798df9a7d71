using System.Security.Cryptography;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data.Download;

public sealed class DataDownloadTests : IDisposable
{
    private static readonly byte[] _content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 2654435761u >> 11))];
    private static readonly byte[] _small = [1, 2, 3];

    private readonly DataFiles _files = new();
    private readonly LoopbackServer _server = new();
    private readonly HttpClient _http = new();
    private readonly DataDownload _download;

    public DataDownloadTests() => _download = new(_http, TimeProvider.System) { Pause = TimeSpan.Zero, Tries = 3 };

    public void Dispose()
    {
        _http.Dispose();
        _server.Dispose();
        _files.Dispose();
    }

    [Fact]
    public async Task Files_arrive_whole_under_their_names_with_progress()
    {
        _server.Then(LoopbackServer.File(_content), LoopbackServer.File(_small));
        var seen = new Progress();
        var folder = _files["new/folder"];
        var paths = await _download.Get(Set(("a.gz", _content), ("b", _small)), folder, seen);
        Assert.Equal([Path.Combine(folder, "a.gz"), Path.Combine(folder, "b")], paths);
        Assert.Equal(_content, File.ReadAllBytes(paths[0]));
        Assert.Equal(_small, File.ReadAllBytes(paths[1]));
        Assert.Equal(["a.gz", "b"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        Assert.Equal(["/set/a.gz", "/set/b"], _server.Requests.Select(r => r.Path));
        Assert.Equal(seen.Reports.OrderBy(r => r.DoneBytes), seen.Reports);
        Assert.Equal((3, _content.Length + 3, _content.Length + 3), (seen.Reports[^1].FileBytes, seen.Reports[^1].DoneBytes, seen.Reports[^1].TotalBytes));
    }

    [Fact]
    public async Task What_is_there_already_is_not_fetched_again()
    {
        _files.Write("a", _content);
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_broken_connection_goes_on_where_it_broke()
    {
        _server.Then(LoopbackServer.File(_content, most: 100_000), LoopbackServer.File(_content, most: 1), LoopbackServer.File(_content, most: 0), LoopbackServer.File(_content, most: 150_000), LoopbackServer.File(_content));
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
        Assert.Equal([null, 100_000, 100_001, 100_001, 250_001], _server.Requests.Select(r => r.From));
    }

    [Fact]
    public async Task The_next_run_goes_on_where_the_last_one_stopped()
    {
        _server.Then(LoopbackServer.File(_content, most: 1000));
        _server.Otherwise = _ => LoopbackServer.Response("503 Service Unavailable", []);
        var message = await Refusal(Set(("a", _content)));
        Assert.Equal($"a could not be fetched: {_server.Address}a answered 503 (Service Unavailable). Check the network or give another mirror. The 1000 bytes that came are kept in {_files["a.partial"]}; the next run goes on from there.", message);
        Assert.False(File.Exists(_files["a"]));
        Assert.Equal(1000, new FileInfo(_files["a.partial"]).Length);
        _server.Otherwise = LoopbackServer.File(_content);
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Equal(1000, _server.Requests.Last().From);
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
        Assert.False(File.Exists(_files["a.partial"]));
    }

    [Fact]
    public async Task A_server_without_ranges_begins_anew()
    {
        _server.Then(LoopbackServer.File(_content, most: 1000, ranges: false), LoopbackServer.File(_content, ranges: false));
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Equal([null, 1000L], _server.Requests.Select(r => r.From));
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
    }

    [Fact]
    public async Task A_flaky_server_without_ranges_is_given_up()
    {
        var turn = 0;
        _server.Otherwise = request => LoopbackServer.File(_content, most: turn++ % 2 == 0 ? 5000 : 4000, ranges: false)(request);
        Assert.StartsWith($"a could not be fetched: {_server.Address}a broke off after ", await Refusal(Set(("a", _content))));
        Assert.Equal(3, _server.Requests.Count);
    }

    [Fact]
    public async Task Wrong_content_is_never_given_the_name()
    {
        byte[] wrong = [.. _content];
        wrong[77]++;
        _server.Otherwise = LoopbackServer.File(wrong);
        Assert.Equal($"a could not be fetched: {_server.Address}a has SHA-256 {Sha256(wrong)}; it must be {Sha256(_content)}. Check the network or give another mirror.", await Refusal(Set(("a", _content))));
        Assert.Empty(Directory.GetFiles(_files.Folder));
        Assert.Equal(3, _server.Requests.Count);
    }

    [Fact]
    public async Task A_damaged_partial_file_is_thrown_away()
    {
        _files.Write("a.partial", new byte[500]);
        _server.Otherwise = LoopbackServer.File(_content);
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Equal([500L, null], _server.Requests.Select(r => r.From));
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
    }

    [Theory]
    [InlineData(300_001)]
    [InlineData(300_000)]
    public async Task A_partial_file_that_is_too_long_or_full_but_wrong_is_thrown_away(int length)
    {
        _files.Write("a.partial", new byte[length]);
        _server.Otherwise = LoopbackServer.File(_content);
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
    }

    [Fact]
    public async Task A_partial_file_that_is_whole_needs_no_request()
    {
        _files.Write("a.partial", _content);
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Empty(_server.Requests);
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
    }

    [Fact]
    public async Task The_next_mirror_is_tried_when_one_lacks_the_file()
    {
        using var second = new LoopbackServer();
        second.Otherwise = LoopbackServer.File(_content);
        await _download.Get(Set(("a", _content)) with { Mirrors = [_server.Address, second.Address] }, _files.Folder);
        Assert.Single(_server.Requests);
        Assert.Equal(_content, File.ReadAllBytes(_files["a"]));
    }

    [Fact]
    public async Task Every_mirrors_reason_is_told()
    {
        using var second = new LoopbackServer();
        second.Otherwise = _ => LoopbackServer.Response("403 Forbidden", []);
        var message = await Refusal(Set(("a", _content)) with { Mirrors = [_server.Address, second.Address] });
        Assert.Equal($"a could not be fetched: {_server.Address}a answered 404 (Not Found); {second.Address}a answered 403 (Forbidden). Check the network or give another mirror.", message);
        Assert.Empty(Directory.GetFiles(_files.Folder));
    }

    [Fact]
    public async Task Answers_of_the_wrong_size_are_refused()
    {
        _server.Then(_ => LoopbackServer.Response("200 OK", new byte[10], "Content-Length: 10"));
        Assert.StartsWith($"a could not be fetched: {_server.Address}a offers 10 bytes where 300000 must follow.", await Refusal(Set(("a", _content))));
        _server.Then(_ => LoopbackServer.Response("200 OK", new byte[400_000]));
        Assert.StartsWith($"a could not be fetched: {_server.Address}a sends more than the 300000 bytes of a.", await Refusal(Set(("a", _content))));
        _files.Write("a.partial", _content[..5]);
        _server.Otherwise = _ => LoopbackServer.Response("206 Partial Content", new byte[10], "Content-Length: 10", "Content-Range: bytes 7-16/300000");
        Assert.StartsWith($"a could not be fetched: {_server.Address}a answered with another part than the one from byte 0 of 300000.", await Refusal(Set(("a", _content))));
    }

    [Fact]
    public async Task A_range_that_the_server_does_not_have_begins_anew()
    {
        _files.Write("a.partial", _content[..5]);
        _server.Then(_ => LoopbackServer.Response("416 Range Not Satisfiable", [], "Content-Range: bytes */3"), LoopbackServer.File(_content));
        await _download.Get(Set(("a", _content)), _files.Folder);
        Assert.Equal([5L, null], _server.Requests.Select(r => r.From));
    }

    [Fact]
    public async Task A_file_of_that_name_with_other_bytes_is_left_alone()
    {
        var path = _files.Write("a", _small);
        Assert.Equal($"{path} exists and is not the a of test (its size or SHA-256 differs). Delete it or choose another folder.", await Refusal(Set(("a", _content))));
        Assert.Equal(_small, File.ReadAllBytes(path));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named()
    {
        var folder = Path.Combine(_files.Write("file", "x"), "folder");
        var message = (await Assert.ThrowsAsync<DatasetException>(() => _download.Get(Set(("a", _content)), folder))).Message;
        Assert.StartsWith($"{folder} cannot be written: ", message);
        Assert.EndsWith("Give this user write access and room for 300000 bytes, or choose another folder.", message);
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_asked_again()
    {
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        _server.Otherwise = LoopbackServer.File(_content);
        var download = new DataDownload(_http, TimeProvider.System) { Pause = TimeSpan.Zero, Tries = 2, StallTimeout = TimeSpan.FromMilliseconds(100) };
        var address = new Uri($"http://127.0.0.1:{((System.Net.IPEndPoint)silent.LocalEndpoint).Port}/");
        var message = (await Assert.ThrowsAsync<DatasetException>(() => download.Get(Set(("a", _content)) with { Mirrors = [address] }, _files.Folder))).Message;
        Assert.StartsWith($"a could not be fetched: {address}a sent nothing for 0.1 s.", message);
    }

    [Fact]
    public void The_published_sets_are_consistent()
    {
        Assert.Same(DownloadSet.Mnist, DownloadSet.Find("mnist"));
        Assert.Null(DownloadSet.Find("imagenet"));
        Assert.All(DownloadSet.All, set =>
        {
            Assert.All(set.Mirrors, mirror => Assert.EndsWith("/", mirror.AbsoluteUri));
            Assert.All(set.Files, file => Assert.Matches("^[0-9a-f]{64}$", file.Sha256));
            Assert.All(set.Files, file => Assert.InRange(file.Bytes, 1, long.MaxValue));
        });
    }

    private DownloadSet Set(params (string Name, byte[] Content)[] files) => new("test", [_server.Address], [.. files.Select(file => new DownloadFile(file.Name, file.Content.Length, Sha256(file.Content)))]);

    private async Task<string> Refusal(DownloadSet set) => (await Assert.ThrowsAsync<DatasetException>(() => _download.Get(set, _files.Folder))).Message;

    private static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private sealed class Progress : IProgress<DownloadProgress>
    {
        public List<DownloadProgress> Reports { get; } = [];

        public void Report(DownloadProgress value) => Reports.Add(value);
    }
}
