using Deque.AxeCore.Playwright;

namespace DistTrain.Browser.Tests;

/// <summary>Jobs beside each other.</summary>
[Collection("browser")]
public sealed class CompareTests(Browser browser)
{
    private static readonly string[] Small = ["training.epochs=6", "training.evaluateEvery=10", "model={mlp: {hidden: [32]}}", "data.format={digits: {train: 640, test: 200}}", "training.batchSize=32", "cluster.computeThreads=1"];

    [ChromiumFact]
    public async Task Jobs_picked_in_the_list_are_compared_by_their_curves_and_by_the_fields_that_differ_alone()
    {
        await using var server = await Server.StartAsync();
        var jobs = new[] { await server.SubmitAsync("rate-small", [.. Small, "optimizer={adam: {lr: 1e-3}}"]), await server.SubmitAsync("rate-large", [.. Small, "optimizer={adam: {lr: 1e-2}}", "training.seed=7"]), await server.SubmitAsync("plain", [.. Small, "optimizer={sgd: {lr: 0.1}}"]) };
        foreach (var job in jobs) await server.EndAsync(job);
        await using var tab = await browser.OpenAsync();
        await tab.Page.GotoAsync(server.Link());
        Assert.True(await tab.Page.IsDisabledAsync("button:has-text('Compare')"));
        foreach (var job in jobs) await tab.Page.CheckAsync($"input[aria-label='compare {job}']");
        await tab.PictureAsync("jobs-picked");
        await tab.Page.ClickAsync("text=Compare 3 jobs");
        await tab.Page.WaitForSelectorAsync("section[aria-label=differences] tbody tr");
        Assert.Contains($"compare={string.Join("%2C", jobs)}", tab.Page.Url, StringComparison.Ordinal);

        var fields = await tab.Page.Locator("section[aria-label=differences] tbody th").AllInnerTextsAsync();
        Assert.Contains(fields, f => f.Contains("adam.lr", StringComparison.Ordinal));
        Assert.Contains(fields, f => f.Contains("sgd.lr", StringComparison.Ordinal));
        Assert.Contains("training.seed", fields);
        Assert.DoesNotContain(fields, f => f.Contains("batchSize", StringComparison.Ordinal) || f.Contains("epochs", StringComparison.Ordinal) || f.Contains("name", StringComparison.Ordinal));
        await tab.Page.WaitForFunctionAsync("id => document.querySelector('figure .legend')?.textContent.includes(id)", jobs[2]);
        var results = await tab.Page.InnerTextAsync("section[aria-label=results]");
        Assert.Contains("(best)", results, StringComparison.Ordinal);

        // Only the address says what is compared: it opens elsewhere and after a reload.
        await tab.Page.ClickAsync("[data-choice='x.epoch']");
        await tab.Page.ReloadAsync();
        await tab.Page.WaitForSelectorAsync("section[aria-label=differences] tbody tr");
        Assert.Equal("true", await tab.Page.GetAttributeAsync("[data-choice='x.epoch']", "aria-pressed"));
        await tab.Page.WaitForSelectorAsync("#link[data-state=ended]");
        await tab.PictureAsync("compare", full: true);
        tab.AssertClean(server.Address);
    }

    [ChromiumTheory]
    [InlineData(360, true)]
    [InlineData(1280, false)]
    public async Task It_fits_a_narrow_window_and_axe_finds_nothing(int width, bool dark)
    {
        await using var server = await Server.StartAsync();
        var (one, two) = (await server.SubmitAsync("one", Small), await server.SubmitAsync("two", [.. Small, "training.batchSize=64"]));
        await server.EndAsync(one);
        await server.EndAsync(two);
        await using var tab = await browser.OpenAsync(width, 800, dark);
        await tab.Page.GotoAsync(server.CompareLink(one, two));
        await tab.Page.WaitForSelectorAsync("section[aria-label=differences] tbody tr");
        await tab.Page.WaitForSelectorAsync("#link[data-state=ended]");
        await tab.PictureAsync($"compare-{width}{(dark ? "-dark" : "")}", full: true);
        var wide = await tab.Page.EvaluateAsync<int>("document.documentElement.scrollWidth");
        Assert.True(wide <= width, $"{wide} px wide in a window of {width}");
        var found = (await tab.Page.RunAxe()).Violations;
        Assert.True(found.Length == 0, string.Join(Environment.NewLine, found.Select(v => $"{v.Id} ({v.Impact}): {v.Help}: {string.Join("; ", v.Nodes.Take(4).Select(n => n.Html))}")));
        tab.AssertClean(server.Address);
    }
}
