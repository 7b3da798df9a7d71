using System.Formats.Tar;
using Microsoft.Playwright;

namespace DistTrain.Browser.Tests;

/// <summary>What a person takes away from the page, and finds in it.</summary>
[Collection("browser")]
public sealed class SaveAndSearchTests(Browser browser)
{
    private static readonly string[] Small = ["training.epochs=4", "training.evaluateEvery=5", "model={mlp: {hidden: [32]}}", "data.format={digits: {train: 320, test: 100}}", "training.batchSize=32", "cluster.computeThreads=1"];

    [ChromiumTheory]
    [InlineData("")]
    [InlineData("&plot=canvas")]
    public async Task A_chart_is_saved_as_the_numbers_and_as_the_picture_that_it_shows(string plot)
    {
        await using var server = await Server.StartAsync();
        var job = await server.SubmitAsync("saved", Small);
        await server.EndAsync(job);
        await using var tab = await browser.OpenAsync();
        await tab.Page.GotoAsync(server.Link(job, plot));
        await tab.Page.WaitForSelectorAsync("#link[data-state=ended]");
        await tab.Page.WaitForFunctionAsync("() => document.querySelector('figure .head small')?.textContent.startsWith('40 points')");
        var csv = await SaveAsync(tab, "button[aria-label='save Loss as CSV']");
        var lines = File.ReadAllLines(csv.Path).Where(l => l.Length > 0).ToArray();
        Assert.Equal(($"{job}-loss.csv", "step,train,test", 41), (csv.Name, lines[0], lines.Length));
        Assert.Equal(8, lines.Skip(1).Count(l => l.Split(',')[2].Length > 0));
        var png = await SaveAsync(tab, "button[aria-label='save Loss as PNG']");
        var bytes = File.ReadAllBytes(png.Path);
        Assert.Equal(($"{job}-loss.png", true), (png.Name, bytes.AsSpan(1, 3).SequenceEqual("PNG"u8) && bytes.Length > 5000));
        if (Environment.GetEnvironmentVariable("DISTTRAIN_SCREENSHOTS") is { Length: > 0 } folder) File.Copy(png.Path, Path.Combine(folder, $"saved{(plot.Length > 0 ? "-canvas" : "")}.png"), overwrite: true);
        tab.AssertClean(server.Address);
    }

    [ChromiumFact]
    public async Task A_checkpoint_is_saved_whole_and_events_are_searched_with_the_words_in_the_address()
    {
        await using var server = await Server.StartAsync();
        var job = await server.SubmitAsync("kept", Small);
        await server.EndAsync(job);
        await using var tab = await browser.OpenAsync();
        await tab.Page.GotoAsync(server.Link(job));
        await tab.Page.WaitForSelectorAsync("#link[data-state=ended]");
        var saved = await SaveAsync(tab, "section[aria-label=checkpoints] tbody tr:first-child button");
        Assert.Equal($"{job}-step-40.tar", saved.Name);
        var names = new List<string>();
        await using (var file = File.OpenRead(saved.Path))
        await using (var tar = new TarReader(file))
            while (await tar.GetNextEntryAsync() is { } entry) names.Add(entry.Name);
        Assert.EndsWith(".manifest.json", names[0], StringComparison.Ordinal);
        Assert.Contains(names, n => n.EndsWith(".safetensors", StringComparison.Ordinal));
        Assert.Contains(names, n => n.EndsWith(".losslog", StringComparison.Ordinal));

        var all = await tab.Page.Locator(".events[aria-label] li").CountAsync();
        await tab.Page.FillAsync("#find", "checkpoint step");
        await tab.Page.WaitForFunctionAsync("all => { const n = document.querySelectorAll('.events[aria-label] li').length; return n > 0 && n < all; }", all);
        Assert.Contains("find=checkpoint+step", tab.Page.Url, StringComparison.Ordinal);
        Assert.All(await tab.Page.Locator(".events[aria-label] li").AllInnerTextsAsync(), t => Assert.Contains("checkpoint", t, StringComparison.OrdinalIgnoreCase));
        await tab.Page.ReloadAsync();
        await tab.Page.WaitForFunctionAsync("all => { const n = document.querySelectorAll('.events[aria-label] li').length; return n > 0 && n < all; }", all);
        tab.AssertClean(server.Address);
    }

    private static async Task<(string Name, string Path)> SaveAsync(Tab tab, string button)
    {
        var download = await tab.Page.RunAndWaitForDownloadAsync(() => tab.Page.ClickAsync(button));
        return (download.SuggestedFilename, await download.PathAsync());
    }
}
