namespace DistTrain.Cluster.Tests.Wire;

/// <summary>Files of lines "name hex": what a thing must look like on the wire. They change only together with a line in the changelog.</summary>
internal static class GoldenBytes
{
    public static void Check(string file, string name, byte[] bytes)
    {
        var line = $"{name} {Convert.ToHexString(bytes)}";
        var lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Golden", file));
        Assert.True(lines.Contains(line), $"the wire form of {name} differs from Golden/{file}:{Environment.NewLine}{line}");
    }
}
