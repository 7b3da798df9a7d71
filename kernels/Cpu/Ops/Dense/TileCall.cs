namespace DistTrain.Kernels;

/// <summary>
/// One tile of a product:  C[i, j] = sum over k of A[i, k] · B[k, j], each element one FMA chain per run of k, runs folded as
/// <see cref="TileRuns"/> says. A[i, k] = A[AOffsets[k] + i·ARow] is broadcast, B[k, j] = B[BOffsets[k] + j] fills the lanes.
/// </summary>
/// <remarks>Addressing both operands through offset tables costs two loads for each k and lets one kernel serve packed panels, transposes and convolution without a column matrix.</remarks>
internal unsafe struct TileCall
{
    public float* A;
    public long ARow;
    public int* AOffsets;
    public float* B;
    public int* BOffsets;

    /// <summary>The tile's rows lie CRow apart; whole vectors are written.</summary>
    public float* C;
    public long CRow;

    /// <summary>Memory that will be needed next, brought into the L2 a few bytes further with every k; null = none. A burst of prefetches would hold up the loads of the sum itself.</summary>
    public byte* Ahead;
    public long AheadStep;

    /// <summary>Rows of k in each run, and how many entries of the stack are added (lower + upper) after it.</summary>
    public int* RunRows;
    public int* RunMerges;
    public int RunCount;

    /// <summary>64-byte aligned, StackDepth tiles; used when RunCount &gt; 1.</summary>
    public float* Stack;

    /// <summary>Added after the last run: one value for each row, or for each column; null = absent.</summary>
    public float* RowBias;
    public float* ColumnBias;

    /// <summary>The chain starts from C instead of +0.</summary>
    public bool Accumulate;

    /// <summary>y &lt; 0 ? 0 : y at the end.</summary>
    public bool Relu;
}

/// <summary>A number that is a type argument: the compiler drops what it rules out.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}

internal readonly struct Count1 : ICount
{
    public static int Value => 1;
}

internal readonly struct Count2 : ICount
{
    public static int Value => 2;
}

internal readonly struct Count3 : ICount
{
    public static int Value => 3;
}

internal readonly struct Count4 : ICount
{
    public static int Value => 4;
}

internal readonly struct Count5 : ICount
{
    public static int Value => 5;
}

internal readonly struct Count6 : ICount
{
    public static int Value => 6;
}

internal readonly struct Count7 : ICount
{
    public static int Value => 7;
}

internal readonly struct Count8 : ICount
{
    public static int Value => 8;
}

internal readonly struct Count9 : ICount
{
    public static int Value => 9;
}

internal readonly struct Count10 : ICount
{
    public static int Value => 10;
}

internal readonly struct Count11 : ICount
{
    public static int Value => 11;
}

internal readonly struct Count12 : ICount
{
    public static int Value => 12;
}
