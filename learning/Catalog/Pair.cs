namespace DistTrain.Learning;

/// <summary>A size along two axes. In a spec one number stands for both: <c>kernel: 5</c> = <c>kernel: [5, 5]</c>.</summary>
/// <param name="Y">Rows (height).</param>
/// <param name="X">Columns (width).</param>
public readonly record struct Pair(int Y, int X)
{
    public override string ToString() => Y == X ? $"{Y}" : $"[{Y}, {X}]";
}
