using System.Globalization;

namespace DistTrain.Training.Specs;

/// <summary>What a field must be, in words.</summary>
internal static class SpecRules
{
    public static string Of(SpecField field)
    {
        var type = field.Property.PropertyType;
        if (field.Allowed is [var only]) return only;
        if (field.Allowed is { } allowed) return $"{string.Join(", ", allowed.SkipLast(1))} or {allowed[^1]}";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(ulong)) return $"a whole number from 0 to {ulong.MaxValue}";
        if (type == typeof(double)) return $"a finite number from {Invariant(field.Range!.Minimum)} to {Invariant(field.Range.Maximum)}";
        if (type == typeof(int)) return $"a whole number from {Invariant(field.Range!.Minimum)} to {Invariant(field.Range.Maximum)}{(field.UpperEnd is null ? "" : ", or a range such as 2..8")}";
        if (field.Pattern is not null) return field.Path == "metadata.name" ? "lower-case letters, digits and dashes, at most 63, such as mnist-lenet" : field.Example!;
        return "text";
    }

    private static string Invariant(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
