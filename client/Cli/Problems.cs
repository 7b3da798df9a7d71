using System.Text.Json.Nodes;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>Problems of a job in the stable form of <c>-o json</c>.</summary>
internal static class Problems
{
    public static JsonArray ToJson(IEnumerable<SpecProblem> problems) => [.. problems.Select(p =>
    {
        var entry = new JsonObject { ["path"] = p.Path, ["message"] = p.Path.Length > 0 ? $"{p.Path} {p.Message}" : p.Message };
        if (p.At.Source is not null) entry["source"] = p.At.Source;
        if (p.At.Line > 0) (entry["line"], entry["column"]) = (p.At.Line, p.At.Column);
        return entry;
    })];
}
