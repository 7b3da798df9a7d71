using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>A component of the catalogue from the text of an option, written as in a job file: <c>adam</c>, <c>adam: {lr: 0.05}</c>.</summary>
public static class ComponentText
{
    /// <param name="source">What messages call the place: <c>--optimizer</c>.</param>
    /// <exception cref="SpecException">Everything that is wrong.</exception>
    public static T Make<T>(string source, string text) where T : class
    {
        var (problems, found) = (new List<SpecProblem>(), new List<Problem>());
        var node = YamlTree.Read(text, source, problems);
        var named = node is null || problems.Count > 0 ? null : new SpecBinder(source, problems).Component(node, "");
        var made = named is null ? null : Catalog.BuiltIn.Create<T>(named.Name, named.Options, source, found);
        problems.AddRange(found.Select(p => new SpecProblem(default, "", $"{p.Path} {p.Message}")));
        if (node is null && problems.Count == 0) problems.Add(new SpecProblem(default, "", $"{source} is empty. It must be a name, or one name with its options."));
        return made ?? throw new SpecException(problems);
    }
}
