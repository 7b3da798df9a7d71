using DistTrain.Kernels;
using DistTrain.Learning;
using ILGPU.Runtime.Cuda;

namespace DistTrain.Gpu.Tests;

/// <summary>What a CUDA device would be given, compiled with no GPU present: every kernel of every op, every activation and optimizer rule of the catalogue.</summary>
public sealed class PtxTests(PtxTests.AllKernels all) : IClassFixture<PtxTests.AllKernels>
{
    /// <summary>All ops made on a device whose groups have a GPU's size; nothing is launched.</summary>
    public sealed class AllKernels : IDisposable
    {
        private readonly GpuDevice _device = GpuDevice.Simulator(256);

        public AllKernels()
        {
            foreach (var op in typeof(IOp).Assembly.GetExportedTypes().Where(type => type.IsInterface && type != typeof(IOp) && typeof(IOp).IsAssignableFrom(type) && HasVersion(type)))
                foreach (var closed in op.IsGenericTypeDefinition ? Fitting(op).Select(argument => op.MakeGenericType(argument)) : [op])
                    typeof(Device).GetMethod(nameof(Device.Op))!.MakeGenericMethod(closed).Invoke(_device, null);
            using var compiler = new PtxCompiler(CudaArchitecture.SM_90);
            Texts = [.. _device.Kernels.Select(kernel => (Kernel: kernel, Name: Describe(kernel), Text: compiler.Compile(kernel)))];
        }

        public IReadOnlyList<(GpuKernel Kernel, string Name, string Text)> Texts { get; }

        public void Dispose() => _device.Dispose();

        // Ops of CPUs alone are listed in CoverageTests.
        private static bool HasVersion(Type op) =>
            typeof(GpuDevice).Assembly.GetType($"{op.Namespace}.{op.Name[1..].Split('`')[0]}Gpu{(op.IsGenericType ? op.Name[op.Name.IndexOf('`')..] : "")}") is not null;

        private static IEnumerable<Type> Fitting(Type op)
        {
            var wanted = op.GetGenericArguments()[0].GetGenericParameterConstraints().Single(type => type.IsInterface);
            return typeof(IOp).Assembly.GetExportedTypes().Concat(typeof(Optimizer).Assembly.GetExportedTypes())
                .Where(type => type.IsValueType && !type.IsGenericTypeDefinition && wanted.IsAssignableFrom(type));
        }

        private static string Describe(GpuKernel kernel) =>
            $"{kernel.Body.DeclaringType!.Name}.{kernel.Body.Name}({string.Join(", ", Arguments(kernel.Body.GetParameters()[0].ParameterType))})";

        private static IEnumerable<string> Arguments(Type type) => [type.Name, .. type.GetGenericArguments().Select(argument => argument.Name)];
    }

    [Fact]
    public void Every_kernel_compiles_to_PTX_that_Hopper_takes()
    {
        Assert.NotEmpty(all.Texts);
        foreach (var (_, name, text) in all.Texts)
        {
            Assert.True(text.Contains(".target sm_80", StringComparison.Ordinal), $"{name} is not compiled for sm_80 and later");
            Assert.True(text.Contains(".visible .entry", StringComparison.Ordinal), $"{name} has no entry point");
            Assert.True(text.Contains(".maxntid 256", StringComparison.Ordinal), $"{name} does not state its group size");
        }
    }

    [Fact]
    public void The_catalogue_is_covered()
    {
        string[] expected = ["Relu", "Gelu", "Tanh", "AdamRule"];
        foreach (var name in expected) Assert.Contains(all.Texts, kernel => kernel.Name.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public void No_kernel_keeps_anything_in_local_memory_or_calls_a_function()
    {
        foreach (var (_, name, text) in all.Texts)
        {
            Assert.False(text.Contains(".local", StringComparison.Ordinal), $"{name} uses local memory");
            Assert.False(text.Contains("call", StringComparison.Ordinal), $"{name} calls a function that was not inlined");
        }
    }

    [Fact]
    public void Tile_products_multiply_from_registers_and_read_shared_memory_sixteen_bytes_at_a_time()
    {
        var tiles = all.Texts.Where(kernel => kernel.Name.StartsWith("Tile.Product", StringComparison.Ordinal)).ToList();
        // Matrix products (4 transpositions, segments, linear) and the three convolution products, each with two tiles.
        Assert.Equal(18, tiles.Count);
        foreach (var (kernel, name, text) in tiles)
        {
            var large = kernel.Body.GetGenericArguments()[1] == typeof(Microtile8);
            Assert.True(Count(text, "fma.rn.f32") == (large ? 64 : 16), $"{name}: {Count(text, "fma.rn.f32")} fused multiply-adds");
            Assert.True(Count(text, "ld.shared.v4.f32") == (large ? 4 : 2), $"{name}: {Count(text, "ld.shared.v4.f32")} vector loads");
            Assert.Equal(1, Count(text, "bar.sync"));
        }
    }

    [Fact]
    public void Shared_memory_stays_below_48_KiB()
    {
        foreach (var (_, name, text) in all.Texts)
        {
            var bytes = text.Split('\n').Where(line => line.Contains(".shared .align", StringComparison.Ordinal))
                .Sum(line => int.Parse(line[(line.LastIndexOf('[') + 1)..line.LastIndexOf(']')], System.Globalization.CultureInfo.InvariantCulture));
            Assert.True(bytes <= 48 << 10, $"{name} takes {bytes} bytes of shared memory");
        }
    }

    [Fact]
    public void Arithmetic_is_rounded_as_on_the_CPU()
    {
        // Without .rn the assembler may fuse a product and a sum; .approx and .ftz would change single results.
        string[] forbidden = ["mul.f32", "add.f32", "sub.f32", "mul.f64", "add.f64", "sub.f64", ".approx", ".ftz", "\tatom.", "\tred."];
        foreach (var (_, name, text) in all.Texts)
            foreach (var word in forbidden) Assert.False(text.Contains(word, StringComparison.Ordinal), $"{name} contains {word}");
    }

    [Fact]
    public void A_branch_is_marked_uniform_only_where_all_threads_take_it_together()
    {
        Assert.Contains(all.Texts, kernel => kernel.Text.Contains("bra.uni", StringComparison.Ordinal));
        foreach (var (_, name, text) in all.Texts)
            Assert.True(PtxUniformity.WrongHints(text) is [], $"{name}: {string.Join(" ", PtxUniformity.WrongHints(text))}");
    }

    [Fact]
    public void A_wrong_uniform_branch_would_be_found()
    {
        const string text = """
            mov.b32	%r1, %tid.x;
            shr.s32	%r2, %r1, 4;
            setp.ge.s32	%p1, %r2, 8;
            @%p1 bra.uni	L_1;
            mov.b32	%r3, %ctaid.x;
            setp.ge.s32	%p2, %r3, 8;
            @%p2 bra.uni	L_1;
            """;
        Assert.Equal(["@%p1 bra.uni	L_1;"], PtxUniformity.WrongHints(text));
    }

    [Fact]
    public void Kernels_compile_for_the_oldest_architecture_too()
    {
        using var compiler = new PtxCompiler(CudaArchitecture.SM_80);
        foreach (var (kernel, name, _) in all.Texts.Where(kernel => !kernel.Name.StartsWith("Tile", StringComparison.Ordinal)))
            Assert.True(compiler.Compile(kernel).Contains(".visible .entry", StringComparison.Ordinal), name);
    }

    private static int Count(string text, string word) => text.Split(word).Length - 1;
}
