using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace DistTrain.Learning;

/// <summary>One option of a component, as the JSON Schema, the docs and the error texts describe it.</summary>
/// <param name="Name">camelCase, as in the job spec.</param>
/// <param name="Type">int, long, float, double, bool, string, <see cref="Pair"/>, an enum, a component kind; nullable; or a list of one of these.</param>
/// <param name="Required">No default: it must be given.</param>
/// <param name="Default">What applies when it is not given; null where the text of <paramref name="Doc"/> says what then happens.</param>
/// <param name="Range">Bounds of a number (of each number in a list).</param>
/// <param name="Doc">Its docstring.</param>
public sealed record OptionInfo(string Name, Type Type, bool Required, object? Default, RangeAttribute? Range, string Doc)
{
    /// <summary>The type without nullability and list.</summary>
    public Type ElementType => Item(Type) ?? Nullable.GetUnderlyingType(Type) ?? Type;

    public bool IsList => Item(Type) is not null;

    public double? Minimum => Bound(Range?.Minimum, lower: true);

    public double? Maximum => Bound(Range?.Maximum, lower: false);

    public bool MinimumIsExclusive => Range?.MinimumIsExclusive ?? false;

    public bool MaximumIsExclusive => Range?.MaximumIsExclusive ?? false;

    /// <summary>The names an enum option takes, camelCase; empty for other types.</summary>
    public IReadOnlyList<string> Choices => ElementType.IsEnum ? [.. Enum.GetNames(ElementType).Select(CamelCase)] : [];

    /// <summary>"above 0 and at most 1", "1 or more"; empty without bounds.</summary>
    public string RangeText => (Minimum, Maximum) switch
    {
        ({ } low, { } high) when !MinimumIsExclusive && !MaximumIsExclusive => $"between {Show(low)} and {Show(high)}",
        ({ } low, { } high) => $"{(MinimumIsExclusive ? "above" : "at least")} {Show(low)} and {(MaximumIsExclusive ? "below" : "at most")} {Show(high)}",
        ({ } low, null) => MinimumIsExclusive ? $"above {Show(low)}" : $"{Show(low)} or more",
        (null, { } high) => MaximumIsExclusive ? $"below {Show(high)}" : $"{Show(high)} or less",
        _ => "",
    };

    public bool Contains(double value) =>
        !(value < Minimum || (MinimumIsExclusive && value <= Minimum) || value > Maximum || (MaximumIsExclusive && value >= Maximum));

    internal static string CamelCase(string name) => name.Length == 0 ? name : char.ToLowerInvariant(name[0]) + name[1..];

    private static Type? Item(Type type) => type.IsArray ? type.GetElementType()
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    // Bounds at the end of a type's own range say nothing to a reader.
    private static double? Bound(object? bound, bool lower) => bound switch
    {
        null => null,
        int.MaxValue when !lower => null,
        double.MaxValue or float.MaxValue when !lower => null,
        double.MinValue or int.MinValue when lower => null,
        _ => Convert.ToDouble(bound, CultureInfo.InvariantCulture),
    };

    private static string Show(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
