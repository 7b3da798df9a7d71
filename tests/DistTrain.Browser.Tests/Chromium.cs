using DistTrain.Tests;

namespace DistTrain.Browser.Tests;

/// <summary>Where a Chromium is on this machine.</summary>
internal static class Chromium
{
    private const string Absent = "no Chromium on this machine (install one, or name it in DISTTRAIN_CHROMIUM): the page was not looked at";

    private static readonly string[] Places =
    [
        "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable", "/snap/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    /// <summary>null where there is none.</summary>
    public static string? Path { get; } = Environment.GetEnvironmentVariable("DISTTRAIN_CHROMIUM") is { Length: > 0 } named ? File.Exists(named) ? named : null : Places.FirstOrDefault(File.Exists);

    public static string? Skip => Needs.Unless(Path is not null, Absent);
}

/// <summary>A fact about the page; skipped where there is no Chromium.</summary>
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute() => Skip = Chromium.Skip;
}

/// <inheritdoc cref="ChromiumFactAttribute"/>
public sealed class ChromiumTheoryAttribute : TheoryAttribute
{
    public ChromiumTheoryAttribute() => Skip = Chromium.Skip;
}
