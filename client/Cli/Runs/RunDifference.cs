using System.Text.Json.Nodes;

namespace DistTrain.Cli;

/// <summary>In which fields two jobs differ: <c>training.epochs is 3 there and 5 here</c>.</summary>
internal static class RunDifference
{
    public static IReadOnlyList<string> Of(JsonNode? there, JsonNode? here)
    {
        var differences = new List<string>();
        Compare(there, here, "");
        return differences;

        void Compare(JsonNode? a, JsonNode? b, string path)
        {
            if (a is JsonObject first && b is JsonObject second)
                foreach (var name in first.Select(m => m.Key).Union(second.Select(m => m.Key))) Compare(first[name], second[name], path.Length == 0 ? name : $"{path}.{name}");
            else if (!JsonNode.DeepEquals(a, b)) differences.Add($"{path} is {Shown(a)} there and {Shown(b)} here");
        }
    }

    private static string Shown(JsonNode? node)
    {
        var text = node?.ToJsonString() ?? "not set";
        return text.Length <= 60 ? text : text[..57] + "...";
    }
}
