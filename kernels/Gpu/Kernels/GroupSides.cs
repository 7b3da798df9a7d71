namespace DistTrain.Kernels;

/// <summary>A group as a square of threads, its side known to the compiler: 2^Log2.</summary>
public interface IGroupSide
{
    static abstract int Log2 { get; }
}

/// <summary>256 threads: every real accelerator.</summary>
public readonly struct Side16 : IGroupSide
{
    public static int Log2 => 4;
}

/// <summary>64 threads: the larger simulator.</summary>
public readonly struct Side8 : IGroupSide
{
    public static int Log2 => 3;
}

/// <summary>16 threads: the simulator.</summary>
public readonly struct Side4 : IGroupSide
{
    public static int Log2 => 2;
}

/// <summary>A yes or no that chooses a kernel's body when it is compiled.</summary>
public interface IFlag
{
    static abstract bool Value { get; }
}

public readonly struct Yes : IFlag
{
    public static bool Value => true;
}

public readonly struct No : IFlag
{
    public static bool Value => false;
}
