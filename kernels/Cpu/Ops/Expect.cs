using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>What an op expects of its arguments: all shape errors are worded here.</summary>
internal static class Expect
{
    /// <summary>The view holds exactly the elements of its shape.</summary>
    public static void Length(in View view, long length, string shape, [CallerArgumentExpression(nameof(view))] string name = "")
    {
        if (view.Length != length || view.IsNone) WrongLength(view, length, shape, name);
    }

    /// <summary>As <see cref="Length"/>, or absent.</summary>
    public static void LengthOrNone(in View view, long length, string shape, [CallerArgumentExpression(nameof(view))] string name = "")
    {
        if (!view.IsNone && view.Length != length) WrongLength(view, length, shape, name);
    }

    /// <summary>A count or size of at least <paramref name="least"/>.</summary>
    public static void AtLeast(int value, int least, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value < least) throw new ArgumentOutOfRangeException(name, $"{name} is {value}; it must be {least} or more.");
    }

    private static void WrongLength(in View view, long length, string shape, string name) => throw new ArgumentException(
        view.IsNone ? $"{name} is absent; it must be {shape}, {length} elements." : $"{name} has {view.Length} elements; its shape {shape} needs {length}.", name);
}
