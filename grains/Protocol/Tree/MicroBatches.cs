namespace DistTrain.Protocol;

/// <summary>A step's samples cut into M micro-batches: micro-batch i holds samples [i·n/M, (i+1)·n/M) in integer division; an empty one is absent.</summary>
/// <param name="Samples">n, the samples of this step (the last step of an epoch may have fewer).</param>
/// <param name="Count">M.</param>
public readonly record struct MicroBatches(int Samples, int Count)
{
    /// <summary>First sample of micro-batch <paramref name="index"/>, counted from the step's first; index M gives n.</summary>
    public int Start(int index) => (int)((long)index * Samples / Count);

    public int SamplesOf(TreeNode node) => Start(node.End) - Start(node.First);

    /// <summary>A node all of whose micro-batches are empty takes no part in the fold.</summary>
    public bool IsAbsent(TreeNode node) => SamplesOf(node) == 0;

    /// <summary>The default M: the largest power of two &lt;= min(64, n / 16), at least 1; n / 32 for models with batch normalization.</summary>
    public static int Default(int batchSize, bool batchNormalization)
    {
        var most = Math.Min(64, batchSize / (batchNormalization ? 32 : 16));
        return most < 2 ? 1 : 1 << System.Numerics.BitOperations.Log2((uint)most);
    }
}
