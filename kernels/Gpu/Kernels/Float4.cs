using System.Runtime.InteropServices;

namespace DistTrain.Kernels;

/// <summary>Four neighbouring elements, moved through shared memory as one 16-byte access.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public struct Float4
{
    public float X, Y, Z, W;
}
