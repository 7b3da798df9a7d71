namespace DistTrain.Kernels;

/// <summary>The check at an op's entry: sizes are sensible and every view is as long as the shape says.</summary>
internal static class OperandCheck
{
    /// <summary>The view has as many elements as this shape. Nothing is allocated unless it fails.</summary>
    public static void Shape(string op, string operand, View view, params ReadOnlySpan<long> shape)
    {
        var required = 1L;
        foreach (var size in shape) required *= size;
        if (view.Length == required && (required == 0 || !view.IsNone)) return;
        var given = view.IsNone ? "is absent" : $"has {view.Length} elements";
        throw new ArgumentException($"{op}: {operand} {given}; it must have {required} elements [{string.Join(", ", shape.ToArray())}].", operand);
    }

    /// <summary>The same, or no view at all.</summary>
    public static void ShapeOrAbsent(string op, string operand, View view, params ReadOnlySpan<long> shape)
    {
        if (!view.IsNone) Shape(op, operand, view, shape);
    }

    public static void Positive(string op, string name, long value, long atLeast = 1)
    {
        if (value < atLeast) throw new ArgumentException($"{op}: {name} is {value}; it must be at least {atLeast}.", name);
    }
}
