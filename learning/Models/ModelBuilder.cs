using System.Text.Json.Nodes;

namespace DistTrain.Learning;

/// <summary>A network from a job spec's model: one named model, or a list of layers.</summary>
public static class ModelBuilder
{
    /// <param name="components">One model, or layers in order, with their options (null = defaults; under "" the short form).</param>
    /// <param name="input">One sample's input.</param>
    /// <param name="outputs">Classes, or elements of a real target: what a named model gives.</param>
    /// <param name="problems">Everything that is wrong is added here.</param>
    /// <param name="path">Where the model stands in the spec.</param>
    /// <param name="catalog">null = the built-in components.</param>
    /// <param name="lanes">As <see cref="Network"/> takes it, with the loss and the frozen names.</param>
    /// <returns>null when something is wrong.</returns>
    public static Network? Build(IReadOnlyList<(string Name, JsonObject? Options)> components, Shape input, int outputs,
        ICollection<Problem> problems, string path = "spec.model", Catalog? catalog = null, int lanes = 0, Loss? loss = null, Func<string, bool>? frozen = null)
    {
        catalog ??= Catalog.BuiltIn;
        if (components.Count == 0)
        {
            problems.Add(new Problem(path, "is empty. It must be the name of one model or a list of layers."));
            return null;
        }
        var root = components.Count == 1 && catalog.Find<Model>(components[0].Name) is not null
            ? catalog.Create<Model>(components[0].Name, components[0].Options, path, problems)?.Build(input, outputs)
            : Layers(catalog, components, path, problems);
        if (root is null) return null;
        try
        {
            return new Network(root, input, lanes, loss, frozen);
        }
        catch (ShapeException misfit)
        {
            problems.Add(new Problem(path, $"does not fit together: {misfit.Message} Change that layer or the one before it."));
        }
        catch (OverflowException)
        {
            problems.Add(new Problem(path, $"is too large: its parameters or one sample's activations pass {int.MaxValue} elements. Use fewer units."));
        }
        return null;
    }

    private static Sequential? Layers(Catalog catalog, IReadOnlyList<(string Name, JsonObject? Options)> components, string path, ICollection<Problem> problems)
    {
        var layers = new List<Layer>();
        for (var i = 0; i < components.Count; i++)
        {
            var (name, options) = components[i];
            var where = components.Count == 1 ? path : $"{path}[{i}]";
            if (catalog.Find<Layer>(name) is not null)
            {
                if (catalog.Create<Layer>(name, options, where, problems) is { } layer) layers.Add(layer);
                continue;
            }
            var known = catalog.All<Layer>().Concat(components.Count == 1 ? catalog.All<Model>() : []).Select(c => c.Name).ToList();
            problems.Add(catalog.Find<Model>(name) is not null
                ? new Problem(where, $"is {name}, a whole model. It must stand alone, or be one of the layers {string.Join(", ", known)}.")
                : new Problem(where, $"is {name}. It must be one of {string.Join(", ", known)}.{NearestName.Suggest(name, known)}"));
        }
        return layers.Count == components.Count ? new Sequential([.. layers]) : null;
    }
}
