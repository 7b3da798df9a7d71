using System.Text.Json.Nodes;
using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning;

/// <summary>Every component of a kind, made with its defaults; options without a default get a small value. A new component is tested without being listed.</summary>
internal static class Components
{
    private static readonly Shape[] Shapes = [new(6), new(37), new(4, 5), new(9, 12), new(3, 6, 7), new(5, 9, 11), new(2, 3, 4, 5), new(2, 7)];

    /// <summary>Devices that must agree to the bit; the first is the definition.</summary>
    public static IReadOnlyList<(string Name, Device Device)> Devices { get; } =
    [
        ("scalar", new CpuDevice(1, InstructionSet.Scalar)),
        ("256 bits, one thread", new CpuDevice(1, InstructionSet.Vector256)),
        ("256 bits, two threads", new CpuDevice(2, InstructionSet.Vector256)),
        ("512 bits, one thread", new CpuDevice(1, InstructionSet.Vector512)),
        ("512 bits, two threads", new CpuDevice(2, InstructionSet.Vector512)),
    ];

    public static T Make<T>(string name) where T : class
    {
        var problems = new List<Problem>();
        var made = Catalog.BuiltIn.Create<T>(name, Required(Catalog.BuiltIn.Find<T>(name)!), "spec", problems);
        Assert.True(made is not null, string.Join("\n", problems));
        return made;
    }

    /// <summary>Layers with each input shape that they take.</summary>
    public static IEnumerable<(string Name, Shape Input)> Layers()
    {
        foreach (var layer in Catalog.BuiltIn.All<Layer>())
        {
            var taken = Shapes.Where(s => Takes(layer.Name, s)).ToList();
            Assert.True(taken.Count > 0, $"layer {layer.Name} takes none of {string.Join(" ", Shapes)}; add a shape that it takes.");
            foreach (var shape in taken) yield return (layer.Name, shape);
        }
    }

    private static bool Takes(string layer, Shape shape)
    {
        try
        {
            _ = new Network(new Sequential(Make<Layer>(layer)), shape);
            return true;
        }
        catch (ShapeException)
        {
            return false;
        }
    }

    private static JsonObject Required(ComponentInfo component)
    {
        var options = new JsonObject();
        foreach (var option in component.Options.Where(o => o.Required)) options[option.Name] = Math.Max(3, (int)(option.Minimum ?? 0));
        return options;
    }
}
