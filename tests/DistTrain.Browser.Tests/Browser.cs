using Microsoft.Playwright;

namespace DistTrain.Browser.Tests;

/// <summary>One headless Chromium for all tests, found on this machine.</summary>
public sealed class Browser : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask StartAsync()
    {
        if (Chromium.Path is not { } path) return; // every test is skipped
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = path, Headless = true, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
    }

    public async Task InitializeAsync() => await StartAsync();

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>A tab of its own that notes every console error, uncaught error and request.</summary>
    public async Task<Tab> OpenAsync(int width = 1280, int height = 900, bool dark = false)
    {
        var context = await _browser!.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = width, Height = height }, ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce });
        return new Tab(context, await context.NewPageAsync());
    }
}

/// <summary>A tab with what went wrong in it.</summary>
public sealed class Tab : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    public Tab(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.SetDefaultTimeout(90_000);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") Errors.Add($"{message.Type}: {message.Text}");
        };
        page.PageError += (_, error) => Errors.Add(error);
        page.Request += (_, request) => Requests.Add(request.Url);
    }

    public IPage Page { get; }

    public List<string> Errors { get; } = [];

    public List<string> Requests { get; } = [];

    /// <summary>Kept where DISTTRAIN_SCREENSHOTS names a folder.</summary>
    public async Task PictureAsync(string name, bool full = false)
    {
        if (Environment.GetEnvironmentVariable("DISTTRAIN_SCREENSHOTS") is { Length: > 0 } folder) await Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"{name}.png"), FullPage = full });
    }

    public void AssertClean(Uri server)
    {
        Assert.Empty(Errors);
        Assert.DoesNotContain(Requests, url => !url.StartsWith(server.ToString(), StringComparison.Ordinal) && !url.StartsWith("blob:", StringComparison.Ordinal) && !url.StartsWith("data:", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}

[CollectionDefinition("browser", DisableParallelization = true)]
public sealed class BrowserTests : ICollectionFixture<Browser>;
