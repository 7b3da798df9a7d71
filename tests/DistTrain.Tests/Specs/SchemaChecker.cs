using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DistTrain.Tests.Specs;

/// <summary>The part of JSON Schema 2020-12 that the job schema uses, by the letter of the standard; an unknown keyword fails the test.</summary>
internal sealed class SchemaChecker(JsonObject root)
{
    public bool Accepts(JsonNode? value) => Accepts(root, value);

    private bool Accepts(JsonObject schema, JsonNode? value)
    {
        foreach (var (keyword, rule) in schema)
            if (!Keyword(schema, keyword, rule!, value)) return false;
        return true;
    }

    private bool Keyword(JsonObject schema, string keyword, JsonNode rule, JsonNode? value)
    {
        switch (keyword)
        {
            case "$schema" or "$defs" or "title" or "description" or "default": return true;
            case "$ref": return Accepts((JsonObject)root["$defs"]![rule.GetValue<string>()["#/$defs/".Length..]]!, value);
            case "anyOf": return rule.AsArray().Any(way => Accepts((JsonObject)way!, value));
            case "const": return JsonNode.DeepEquals(rule, value);
            case "enum": return rule.AsArray().Any(one => JsonNode.DeepEquals(one, value));
            case "type": return (rule as JsonArray ?? new JsonArray(rule.DeepClone())).Any(type => IsType(type!.GetValue<string>(), value));
            case "pattern": return value?.GetValueKind() is not JsonValueKind.String || Regex.IsMatch(value.GetValue<string>(), rule.GetValue<string>(), RegexOptions.ECMAScript);
            case "minimum": return Number(value) is not { } a || a >= Number(rule);
            case "maximum": return Number(value) is not { } b || b <= Number(rule);
            case "exclusiveMinimum": return Number(value) is not { } c || c > Number(rule);
            case "exclusiveMaximum": return Number(value) is not { } d || d < Number(rule);
            case "items": return value is not JsonArray list || list.All(item => Accepts((JsonObject)rule, item));
            case "minItems": return value is not JsonArray some || some.Count >= (int)Number(rule)!;
            case "maxItems": return value is not JsonArray many || many.Count <= (int)Number(rule)!;
            case "minProperties": return value is not JsonObject few || few.Count >= (int)Number(rule)!;
            case "maxProperties": return value is not JsonObject full || full.Count <= (int)Number(rule)!;
            case "required": return value is not JsonObject has || rule.AsArray().All(name => has.ContainsKey(name!.GetValue<string>()));
            case "properties": return value is not JsonObject members || rule.AsObject().All(p => !members.ContainsKey(p.Key) || Accepts((JsonObject)p.Value!, members[p.Key]));
            case "additionalProperties": return value is not JsonObject closed || closed.All(m => schema["properties"]!.AsObject().ContainsKey(m.Key));
            default: throw new InvalidOperationException($"the checker does not know the keyword {keyword}.");
        }
    }

    private static bool IsType(string type, JsonNode? value) => type switch
    {
        "null" => value is null,
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value?.GetValueKind() is JsonValueKind.String,
        "boolean" => value?.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
        "number" => Number(value) is not null,
        "integer" => Number(value) is { } number && number == Math.Floor(number),
        _ => throw new InvalidOperationException($"the checker does not know the type {type}."),
    };

    private static double? Number(JsonNode? value) =>
        value?.GetValueKind() is JsonValueKind.Number ? double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture) : null;
}
