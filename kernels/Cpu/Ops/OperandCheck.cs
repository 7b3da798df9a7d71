namespace DistTrain.Kernels;

/// <summary>The check at an op's entry: sizes are sensible and every view is as long as the shape says.</summary>
internal static class OperandCheck
{
    public static void Length(string op, string operand, View view, long required, string shape, bool mayBeAbsent = false)
    {
        if (view.IsNone && mayBeAbsent) return;
        if (view.IsNone && required > 0)
            throw new ArgumentException($"{op}: {operand} is absent; it must have {required} elements {shape}.", operand);
        if (view.Length != required)
            throw new ArgumentException($"{op}: {operand} has {view.Length} elements; it must have {required} {shape}.", operand);
    }

    public static void Positive(string op, string name, long value, long atLeast = 1)
    {
        if (value < atLeast) throw new ArgumentException($"{op}: {name} is {value}; it must be at least {atLeast}.", name);
    }
}
