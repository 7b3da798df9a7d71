using System.Diagnostics;
using DistTrain.Client;
using DistTrain.Contracts;
using DistTrain.Tests;

namespace DistTrain.Browser.Tests;

/// <summary>The page against the gateway of a cluster of silos, beside the same job embedded: a person cannot tell which it is.</summary>
[Collection("browser")]
public sealed class GatewayPageTests(Browser browser)
{
    private static readonly string[] Job = ["training.epochs=4", "training.evaluateEvery=5", "training.clipNorm=0.5", "model={mlp: {hidden: [32]}}", "data.format={digits: {train: 320, test: 100}}", "training.batchSize=32", "cluster.computeThreads=1"];

    [SiloFact]
    public async Task The_page_shows_a_job_on_silos_as_it_shows_one_of_this_process_to_the_last_digit()
    {
        await using var embedded = await Server.StartAsync();
        var here = await embedded.SubmitAsync("same", Job);
        Assert.Equal(JobStates.Succeeded, (await embedded.EndAsync(here)).State);
        await using var cluster = await Cluster.StartAsync();
        await using var client = new DistTrainClient(cluster.Link);
        var there = await client.SubmitAsync("apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: { name: same }\n", Job);

        await using var near = await browser.OpenAsync();
        await using var far = await browser.OpenAsync();
        await near.Page.GotoAsync(embedded.Link(here));
        await far.Page.GotoAsync(cluster.Link.Replace("#", $"?job={there.Id}#", StringComparison.Ordinal));
        foreach (var tab in new[] { near, far }) await tab.Page.WaitForSelectorAsync("#link[data-state=ended]");
        await far.PictureAsync("gateway", full: true);

        Assert.Equal(await near.Page.Locator("#state").InnerTextAsync(), await far.Page.Locator("#state").InnerTextAsync());
        foreach (var part in new[] { "main section:not([hidden]) h2", "main figure:not([hidden]) h2", ".facts dt", ".controls button" })
            Assert.Equal(Names(await near.Page.Locator(part).AllInnerTextsAsync()), Names(await far.Page.Locator(part).AllInnerTextsAsync()));
        Assert.Equal(await near.Page.Locator(".facts small[title]").GetAttributeAsync("title"), await far.Page.Locator(".facts small[title]").GetAttributeAsync("title"));
        Assert.Equal(await near.Page.Locator(".verdict").GetAttributeAsync("data-verdict"), await far.Page.Locator(".verdict").GetAttributeAsync("data-verdict"));
        Assert.Equal(await LossAsync(near), await LossAsync(far));
        Assert.Contains("step 40", await far.Page.InnerTextAsync("section[aria-label=events]"), StringComparison.Ordinal);
        near.AssertClean(embedded.Address);
        far.AssertClean(new Uri(cluster.Link.Split('#')[0]));

        // Workers and checkpoints are counted in their titles.
        static IEnumerable<string> Names(IReadOnlyList<string> titles) => titles.Select(t => t.Split('(')[0].Trim());
    }

    private static async Task<string> LossAsync(Tab tab)
    {
        var download = await tab.Page.RunAndWaitForDownloadAsync(() => tab.Page.ClickAsync("button[aria-label='save Loss as CSV']"));
        return await File.ReadAllTextAsync(await download.PathAsync());
    }

    /// <summary>disttrain up: a gateway and two silos, each a process.</summary>
    private sealed class Cluster : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly string _folder;

        private Cluster(Process process, string folder, string link) => (_process, _folder, Link) = (process, folder, link);

        public string Link { get; }

        public static async Task<Cluster> StartAsync()
        {
            var folder = Directory.CreateTempSubdirectory("disttrain-gateway-").FullName;
            var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "disttrain.dll"), "up", "--silos", "2", "--state", folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["DISTTRAIN_SILO_PROGRAM"] = SiloFactAttribute.Program;
            var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
                if (line.StartsWith("dashboard: ", StringComparison.Ordinal)) return new Cluster(process, folder, line["dashboard: ".Length..]);
            throw new InvalidOperationException($"disttrain up ended: {await errors}");
        }

        public async ValueTask DisposeAsync()
        {
            // As Ctrl-C: it stops its silos. Killed, they would see their pipe close, and end too.
            using (var ask = Process.Start("kill", $"-TERM {_process.Id}")) await ask.WaitForExitAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
            _process.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}

/// <summary>A fact about the page of a cluster of silos; skipped where there is no Chromium, or the silo could not be built.</summary>
public sealed class SiloFactAttribute : FactAttribute
{
    public SiloFactAttribute() => Skip = Chromium.Skip ?? Needs.Unless(Program is not null, "the silo was not built (Microsoft.Orleans.* is not in the configured package sources; DISTTRAIN_SILO_PROGRAM may name one): the page was not looked at over a gateway");

    /// <summary>The silo's assembly; null where there is none.</summary>
    internal static string? Program { get; } = new[] { Environment.GetEnvironmentVariable("DISTTRAIN_SILO_PROGRAM"), Built() }.FirstOrDefault(p => p is { Length: > 0 } && File.Exists(p) && File.Exists(Path.ChangeExtension(p, ".runtimeconfig.json")));

    // .../tests/DistTrain.Browser.Tests/bin/Release/net10.0 -> .../silo/bin/Release/net10.0
    private static string Built()
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.GetFullPath(Path.Combine(here.FullName, "..", "..", "..", "..", "..", "silo", "bin", here.Parent!.Name, here.Name, "disttrain-silo.dll"));
    }
}
