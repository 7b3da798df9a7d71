using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace DistTrain.Kernels;

/// <summary>Compiles kernels to PTX, the assembly of CUDA devices, with no GPU present: what a GPU would be given, for tests and for reading.</summary>
public sealed class PtxCompiler : IDisposable
{
    private readonly Context _context;
    private readonly PTXBackend _backend;

    /// <param name="level">ILGPU's optimizations; devices use O2.</param>
    public PtxCompiler(CudaArchitecture architecture, OptimizationLevel level = OptimizationLevel.O2)
    {
        _context = Accelerators.MakeContext(_ => { }, level);
        _backend = new PTXBackend(_context, architecture, CudaInstructionSet.ISA_80, null!);
    }

    /// <summary>The kernel's PTX for groups of so many threads.</summary>
    public string Compile(GpuKernel kernel) =>
        ((PTXCompiledKernel)_backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Body), kernel.Specialization)).PTXAssembly;

    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
