using Microsoft.Playwright;

namespace DistTrain.Browser.Tests;

/// <summary>One headless Chromium for all tests, found on this machine; where there is none the tests say so and pass.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Places =
    [
        "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable", "/snap/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>Why there is none; empty where there is.</summary>
    public string Absent { get; private set; } = "";

    public async ValueTask StartAsync()
    {
        var path = Environment.GetEnvironmentVariable("DISTTRAIN_CHROMIUM") is { Length: > 0 } named ? named : Places.FirstOrDefault(File.Exists);
        if (path is null)
        {
            Absent = "no Chromium on this machine (install one, or name it in DISTTRAIN_CHROMIUM): the page was not looked at";
            return;
        }
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
