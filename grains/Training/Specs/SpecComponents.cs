using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>The components that a spec names, made by the catalogue; what cannot be made is a problem.</summary>
internal sealed class SpecComponents
{
    public SpecComponents(JobFile file)
    {
        var (spec, found) = (file.Spec, new List<Problem>());
        Format = Catalog.BuiltIn.Create<DatasetFormat>(spec.Data.Format.Name, spec.Data.Format.Options, "spec.data.format", found);
        CheckModel(spec.Model, found);
        Loss = Catalog.BuiltIn.Create<Loss>(spec.Loss.Name, spec.Loss.Options, "spec.loss", found);
        Optimizer = Catalog.BuiltIn.Create<Optimizer>(spec.Optimizer.Name, spec.Optimizer.Options, "spec.optimizer", found);
        Schedule = Catalog.BuiltIn.Create<Schedule>(spec.Schedule.Name, spec.Schedule.Options, "spec.schedule", found);
        ParameterRules = List<ParameterRule>(spec.Training.Parameters, "spec.training.parameters", found);
        Augmentations = List<Augmentation>(spec.Data.Augment, "spec.data.augment", found);
        WeightRules = List<WeightRule>(spec.Init.Map, "spec.init.map", found);
        Transforms = List<Transform>(spec.Data.Transform, "spec.data.transform", found);
        Problems = [.. found.Select(p => file.Problem(p.Path, p.Message))];
    }

    public IReadOnlyList<SpecProblem> Problems { get; }

    public DatasetFormat? Format { get; }

    public Loss? Loss { get; }

    public Optimizer? Optimizer { get; }

    public Schedule? Schedule { get; }

    public IReadOnlyList<ParameterRule> ParameterRules { get; }

    public IReadOnlyList<Augmentation> Augmentations { get; }

    public IReadOnlyList<WeightRule> WeightRules { get; }

    public IReadOnlyList<Transform> Transforms { get; }

    private static IReadOnlyList<T> List<T>(IReadOnlyList<ComponentSpec> named, string path, List<Problem> found) where T : class =>
        [.. named.Select((component, i) => Catalog.BuiltIn.Create<T>(component.Name, component.Options, named.Count == 1 ? path : string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), found)).OfType<T>()];

    // Shapes come later, with the data; names and options are known to be wrong before it is read.
    private static void CheckModel(IReadOnlyList<ComponentSpec> model, List<Problem> found)
    {
        var single = model.Count == 1;
        for (var i = 0; i < model.Count; i++)
        {
            var path = single ? "spec.model" : string.Create(CultureInfo.InvariantCulture, $"spec.model[{i}]");
            if (single && Catalog.BuiltIn.Find<Model>(model[i].Name) is not null) Catalog.BuiltIn.Create<Model>(model[i].Name, model[i].Options, path, found);
            else if (Catalog.BuiltIn.Find<Layer>(model[i].Name) is not null) Catalog.BuiltIn.Create<Layer>(model[i].Name, model[i].Options, path, found);
            else
            {
                var known = Catalog.BuiltIn.All<Layer>().Select(c => c.Name).Concat(single ? Catalog.BuiltIn.All<Model>().Select(c => c.Name) : []).Order(StringComparer.Ordinal).ToList();
                found.Add(Catalog.BuiltIn.Find<Model>(model[i].Name) is not null
                    ? new Problem(path, $"is {model[i].Name}, a whole model. It must stand alone: spec.model: {model[i].Name}")
                    : new Problem(path, $"is {ScalarSyntax.Shown(model[i].Name)}. It must be one of {string.Join(", ", known)}.{NearestName.Suggest(model[i].Name, known)}"));
            }
        }
    }
}
