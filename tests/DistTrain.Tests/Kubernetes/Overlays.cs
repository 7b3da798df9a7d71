using System.Collections.Concurrent;
using System.Diagnostics;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Kubernetes;

/// <summary>
/// The overlays as kustomize puts them together: by kubectl where this machine has it, else from k8s/rendered, which is kept equal to kubectl's
/// output wherever kubectl is.
/// </summary>
internal static class Overlays
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentDictionary<string, Lazy<string?>> Built = new(StringComparer.Ordinal);

    public static string[] Published { get; } = ["cpu", "gpu", "dev"];

    public static string Folder { get; } = Path.Combine(Repository.Root, "k8s");

    /// <summary>Manifests that are applied by hand, beside an overlay.</summary>
    public static Manifests Tools => Manifests.Read(File.ReadAllText(Path.Combine(Folder, "tools", "files.yaml")), "k8s/tools/files.yaml");

    public static string Rendered(string overlay) => Path.Combine(Folder, "rendered", $"{overlay}.yaml");

    /// <summary>kubectl's output for "base" or an overlay; null where there is no kubectl.</summary>
    public static string? FromKubectl(string overlay) =>
        Built.GetOrAdd(overlay, name => new Lazy<string?>(() => Kustomize(name == "base" ? Path.Combine(Folder, "base") : Path.Combine(Folder, "overlays", name)))).Value;

    /// <summary>The overlays, and the base by itself where kubectl can build it.</summary>
    public static IEnumerable<string> Every => KubectlTheoryAttribute.Absent is null ? Published.Prepend("base") : Published;

    /// <summary>As kubectl builds it, else as it was rendered.</summary>
    public static Manifests Of(string overlay) =>
        FromKubectl(overlay) is { } built ? Manifests.Read(built, $"kubectl kustomize {overlay}") : Manifests.Read(File.ReadAllText(Rendered(overlay)), $"k8s/rendered/{overlay}.yaml");

    private static string? Kustomize(string folder)
    {
        var start = new ProcessStartInfo("kubectl", ["kustomize", folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process? kubectl;
        try
        {
            kubectl = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
        using (kubectl)
        {
            var (output, errors) = (kubectl!.StandardOutput.ReadToEndAsync(), kubectl.StandardError.ReadToEndAsync());
            if (!kubectl.WaitForExit(Patience))
            {
                kubectl.Kill(entireProcessTree: true);
                throw new TimeoutException($"kubectl kustomize {folder} did not end within {Patience.TotalSeconds:N0} s.");
            }
            return kubectl.ExitCode == 0 ? output.GetAwaiter().GetResult() : throw new InvalidOperationException($"kubectl kustomize {folder} ended with {kubectl.ExitCode}: {errors.GetAwaiter().GetResult()}");
        }
    }
}
