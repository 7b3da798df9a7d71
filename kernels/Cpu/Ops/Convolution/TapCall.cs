namespace DistTrain.Kernels;

/// <summary>
/// One tile of a product whose broadcast operand lies anywhere:  C[i, j] = sum over k, one FMA chain from +0, of
/// A[AOffsets[k] + RowOffsets[i]] · B[k·BStep + j]. Rows are kernel taps, k are output positions: patches are read where they lie.
/// </summary>
internal unsafe struct TapCall
{
    public float* A;
    public int* AOffsets;
    public int* RowOffsets;
    public float* B;
    public long BStep;
    public int Depth;

    /// <summary>Rows CRow apart; whole vectors are written.</summary>
    public float* C;
    public long CRow;
}
