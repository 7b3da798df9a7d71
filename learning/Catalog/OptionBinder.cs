using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DistTrain.Learning;

/// <summary>Options from JSON: every unknown name, wrong type, non-finite or out-of-range number is a problem with its path.</summary>
internal sealed class OptionBinder(Catalog catalog, ICollection<Problem> problems)
{
    public object? Create(ComponentInfo component, JsonObject? json, string path)
    {
        var before = problems.Count;
        var values = new object?[component.Options.Count];
        var given = new bool[values.Length];
        var names = component.Options.Select(o => o.Name).ToList();
        foreach (var (key, node) in json ?? [])
        {
            var index = key.Length == 0 ? 0 : names.IndexOf(key);
            var where = key.Length == 0 ? path : $"{path}.{key}";
            if (names.Count == 0)
                problems.Add(new Problem(where, $"is set. {component.Name} takes no options; remove it."));
            else if (index < 0)
                problems.Add(new Problem(where, $"is not an option of {component.Name}. It takes {string.Join(", ", names)}.{NearestName.Suggest(key, names)}"));
            else if (given[index])
                problems.Add(new Problem(where, $"is set twice: {names[index]} is also the short form. Set it once."));
            else
            {
                given[index] = true;
                values[index] = Value(component.Options[index], node, where);
            }
        }
        for (var i = 0; i < values.Length; i++)
        {
            var option = component.Options[i];
            if (given[i]) continue;
            if (option.Required) problems.Add(new Problem($"{path}.{option.Name}", $"is not set. It must be {Wanted(option)}."));
            values[i] = option.Default;
        }
        if (problems.Count > before) return null;
        var made = component.Make(values, out var options);
        if (options is IValidatableObject rules)
            foreach (var broken in rules.Validate(new ValidationContext(options)))
                problems.Add(new Problem(string.Join('.', broken.MemberNames.Select(OptionInfo.CamelCase).Prepend(path).Take(2)), broken.ErrorMessage ?? "is wrong."));
        return problems.Count > before ? null : made;
    }

    /// <summary>JSON as a reader wrote it; NaN and infinities, which JSON lacks, by name.</summary>
    public static string Show(JsonNode? node) => node switch
    {
        null => "null",
        JsonValue value when value.TryGetValue(out double number) && !double.IsFinite(number) && node.GetValueKind() == JsonValueKind.Number && !FromText(value) => number.ToString(CultureInfo.InvariantCulture),
        JsonValue value when value.TryGetValue(out float number) && !float.IsFinite(number) && !FromText(value) => number.ToString(CultureInfo.InvariantCulture),
        _ => node.ToJsonString(),
    };

    private static bool FromText(JsonValue value) => value.TryGetValue(out JsonElement _);

    private object? Value(OptionInfo option, JsonNode? node, string path)
    {
        if (node is null && !option.Required && option.Default is null) return null;
        if (!option.IsList) return Element(option, option.ElementType, node, path);
        if (node is not JsonArray list) return Wrong(option, node, path);
        var values = Array.CreateInstance(option.ElementType, list.Count);
        for (var i = 0; i < list.Count; i++)
            if (Element(option, option.ElementType, list[i], $"{path}[{i}]") is { } value) values.SetValue(value, i);
        return values;
    }

    private object? Element(OptionInfo option, Type type, JsonNode? node, string path)
    {
        if (catalog.IsKind(type)) return catalog.Read(type, node, path, problems);
        if (type == typeof(Pair)) return PairOf(option, node, path);
        if (type == typeof(bool)) return node is JsonValue b && b.TryGetValue(out bool flag) ? flag : Wrong(option, node, path);
        if (type == typeof(string)) return node is JsonValue s && s.TryGetValue(out string? text) ? text : Wrong(option, node, path);
        if (type.IsEnum) return Choice(option, type, node, path);
        if (node is not JsonValue value || !TryNumber(value, out var number)) return Wrong(option, node, path);
        var whole = type == typeof(int) || type == typeof(long);
        if (!double.IsFinite(number) || (type == typeof(float) && !float.IsFinite((float)number)) || (whole && number != Math.Truncate(number))) return Wrong(option, node, path);
        if (!option.Contains(number) || (type == typeof(int) && (number > int.MaxValue || number < int.MinValue)) || (type == typeof(long) && Math.Abs(number) > 1L << 53)) return Wrong(option, node, path);
        return type == typeof(int) ? (int)number : type == typeof(long) ? (long)number : type == typeof(float) ? (float)number : (object)number;
    }

    private object? PairOf(OptionInfo option, JsonNode? node, string path)
    {
        if (node is JsonArray { Count: 2 } two)
            return Element(option, typeof(int), two[0], $"{path}[0]") is int y && Element(option, typeof(int), two[1], $"{path}[1]") is int x ? new Pair(y, x) : null;
        return node is JsonArray ? Wrong(option, node, path) : Element(option, typeof(int), node, path) is int both ? new Pair(both, both) : null;
    }

    private object? Choice(OptionInfo option, Type type, JsonNode? node, string path)
    {
        var text = node is JsonValue value && value.TryGetValue(out string? given) ? given : null;
        foreach (var name in Enum.GetNames(type))
            if (OptionInfo.CamelCase(name) == text) return Enum.Parse(type, name);
        problems.Add(new Problem(path, $"is {Show(node)}. It must be {Wanted(option)}.{NearestName.Suggest(text ?? "", option.Choices)}"));
        return null;
    }

    private object? Wrong(OptionInfo option, JsonNode? node, string path)
    {
        problems.Add(new Problem(path, $"is {Show(node)}. It must be {Wanted(option)}."));
        return null;
    }

    private static string Wanted(OptionInfo option)
    {
        var type = option.ElementType;
        var plural = option.IsList;
        var noun = type.IsEnum ? $"one of {string.Join(", ", option.Choices)}"
            : type == typeof(bool) ? "true or false"
            : type == typeof(string) ? plural ? "texts" : "a text"
            : type == typeof(Pair) ? "a whole number, or two (height, width)"
            : type == typeof(int) || type == typeof(long) ? plural ? "whole numbers" : "a whole number"
            : type == typeof(float) || type == typeof(double) ? plural ? "finite numbers" : "a finite number"
            : $"the name of one {Catalog.KindName(type)}";
        return $"{(plural ? "a list of " : "")}{noun}{(option.RangeText.Length > 0 ? $", {option.RangeText}" : "")}";
    }

    private static bool TryNumber(JsonValue value, out double number)
    {
        number = 0;
        if (value.GetValueKind() != JsonValueKind.Number) return false;
        if (value.TryGetValue(out number)) return true;
        if (value.TryGetValue(out float single)) number = single;
        else if (value.TryGetValue(out int small)) number = small;
        else if (value.TryGetValue(out long large)) number = large;
        else if (value.TryGetValue(out ulong unsigned)) number = unsigned;
        else if (value.TryGetValue(out decimal exact)) number = (double)exact;
        else return false;
        return true;
    }
}
