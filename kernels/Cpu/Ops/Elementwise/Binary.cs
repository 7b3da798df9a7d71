namespace DistTrain.Kernels;

/// <summary>A function of two numbers with its gradient, written once for every lane width and device; options are its fields.</summary>
public interface IBinaryFunction
{
    T Forward<T>(T a, T b) where T : unmanaged, ILane<T>;

    /// <summary>da = dy·dF/da and db = dy·dF/db, given a, b and y = F(a, b).</summary>
    void Backward<T>(T a, T b, T y, T dy, out T da, out T db) where T : unmanaged, ILane<T>;
}

/// <summary>y = F(a, b), element by element; y may be a or b.</summary>
public interface IBinary<TFunction> : IOp where TFunction : unmanaged, IBinaryFunction
{
    void Forward(TFunction function, View a, View b, View y);

    /// <summary>da and db are overwritten; an absent one is not wanted; either may be dy.</summary>
    void Backward(TFunction function, View a, View b, View y, View dy, View da, View db);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class BinaryReference<TFunction> : IBinary<TFunction> where TFunction : unmanaged, IBinaryFunction
{
    public BinaryReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(TFunction function, View a, View b, View y)
    {
        ExpectForward(a, b, y);
        for (var i = 0; i < y.Length; i++) y.Floats()[i] = function.Forward(Lane1.Of(a.Floats()[i]), Lane1.Of(b.Floats()[i])).Value;
    }

    public void Backward(TFunction function, View a, View b, View y, View dy, View da, View db)
    {
        ExpectBackward(a, b, y, dy, da, db);
        for (var i = 0; i < y.Length; i++)
        {
            function.Backward(Lane1.Of(a.Floats()[i]), Lane1.Of(b.Floats()[i]), Lane1.Of(y.Floats()[i]), Lane1.Of(dy.Floats()[i]), out var toA, out var toB);
            if (!da.IsNone) da.Floats()[i] = toA.Value;
            if (!db.IsNone) db.Floats()[i] = toB.Value;
        }
    }

    internal static void ExpectForward(View a, View b, View y)
    {
        OperandCheck.Shape("binary", "a", a, y.Length);
        OperandCheck.Shape("binary", "b", b, y.Length);
    }

    internal static void ExpectBackward(View a, View b, View y, View dy, View da, View db)
    {
        ExpectForward(a, b, y);
        OperandCheck.Shape("binary", "dy", dy, y.Length);
        OperandCheck.ShapeOrAbsent("binary", "da", da, y.Length);
        OperandCheck.ShapeOrAbsent("binary", "db", db, y.Length);
    }
}
