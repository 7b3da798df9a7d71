namespace DistTrain.Kernels;

/// <summary>Which body of a kernel runs. All three give the same bits.</summary>
public enum InstructionSet
{
    /// <summary>The plain reference loops.</summary>
    Scalar,

    /// <summary>Two Vector256 for each group of 16 lanes (AVX2 + FMA; Arm: four Vector128).</summary>
    Vector256,

    /// <summary>One Vector512 for each group of 16 lanes (AVX-512).</summary>
    Vector512,
}
