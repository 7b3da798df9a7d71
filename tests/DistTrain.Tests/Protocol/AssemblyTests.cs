using System.Reflection;
using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class AssemblyTests
{
    // What the machines must not know: the host brings all of it.
    private static readonly string[] Forbidden =
    [
        "System.IO.", "System.Net.", "System.Threading.Thread", "System.Threading.Tasks.", "System.Threading.Timer", "System.Threading.Lock", "System.Threading.Monitor", "System.Threading.CancellationToken",
        "System.Random", "System.DateTime", "System.Diagnostics.Stopwatch", "System.TimeProvider", "System.Guid", "System.Environment", "System.Console", "System.Security.Cryptography.RandomNumberGenerator",
    ];

    [Fact]
    public void The_machines_reference_no_threads_tasks_files_sockets_clocks_or_random_numbers()
    {
        var path = typeof(IMachine).Assembly.Location;
        using var file = new System.Reflection.PortableExecutable.PEReader(File.OpenRead(path));
        var metadata = System.Reflection.Metadata.PEReaderExtensions.GetMetadataReader(file);
        var used = metadata.TypeReferences.Select(metadata.GetTypeReference).Select(t => $"{metadata.GetString(t.Namespace)}.{metadata.GetString(t.Name)}").ToList();
        Assert.Contains("System.TimeSpan", used);
        Assert.DoesNotContain(used, static t => Forbidden.Any(f => f.EndsWith('.') ? t.StartsWith(f, StringComparison.Ordinal) : t == f));
    }

    [Fact]
    public void The_protocol_references_nothing_but_the_framework_and_the_contracts() =>
        Assert.DoesNotContain(typeof(IMachine).Assembly.GetReferencedAssemblies(), static a => !a.Name!.StartsWith("System.", StringComparison.Ordinal) && a.Name != "DistTrain.Contracts");

    [Fact]
    public void No_state_is_static_in_the_machines() =>
        Assert.Empty(typeof(IMachine).Assembly.GetTypes()
            .Where(static t => t.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>() is null)
            .SelectMany(static t => t.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Where(static f => !f.IsInitOnly && !f.IsLiteral && f.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>() is null)
            .Select(static f => $"{f.DeclaringType}.{f.Name}"));
}
