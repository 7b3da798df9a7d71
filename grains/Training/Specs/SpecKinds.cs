using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>Which classes of the catalogue a field of the job file names.</summary>
internal static class SpecKinds
{
    /// <summary>The kinds by the word of <see cref="Contracts.SpecFieldAttribute.Component"/>.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<Type>> All { get; } = new Dictionary<string, IReadOnlyList<Type>>
    {
        ["data"] = [typeof(DatasetFormat)],
        ["augmentation"] = [typeof(Augmentation)],
        ["transform"] = [typeof(Transform)],
        ["weightRule"] = [typeof(WeightRule)],
        ["layer"] = [typeof(Layer)],
        ["model"] = [typeof(Model), typeof(Layer)],
        ["loss"] = [typeof(Loss)],
        ["optimizer"] = [typeof(Optimizer)],
        ["schedule"] = [typeof(Schedule)],
        ["parameterRule"] = [typeof(ParameterRule)],
    };

    /// <summary>The word for a kind that an option takes (a layer inside a layer).</summary>
    public static string WordOf(Type kind) => All.FirstOrDefault(k => k.Value.Count == 1 && k.Value[0] == kind).Key ?? Catalog.KindName(kind);
}
