using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.PTX;
using ILGPU.Frontend;
using ILGPU.Frontend.Intrinsic;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace DistTrain.Kernels;

/// <summary>
/// Teaches ILGPU the arithmetic of <see cref="Lane1"/>: a fused multiply-add is one instruction with one rounding, rounding
/// goes to even, and a product followed by a sum keeps its two roundings. So formulas written for the CPU give its bits.
/// </summary>
/// <remarks>
/// ILGPU 1.5.3 does not map MathF.FusedMultiplyAdd and MathF.Round, and writes mul.f32 and add.f32 without a rounding mode,
/// which NVIDIA's assembler may contract. Divisions and square roots are .rn already.
/// </remarks>
internal static class ExactMath
{
    private static readonly Lazy<bool> Mapped = new(Map);

    /// <summary>Adds the mappings to a context that is being built.</summary>
    public static Context.Builder WithExactMath(this Context.Builder builder)
    {
        _ = Mapped.Value;
        var rounded = new PTXIntrinsic(typeof(ExactMath), nameof(GenerateRounded), IntrinsicImplementationMode.GenerateCode);
        foreach (var type in (BasicValueType[])[BasicValueType.Float32, BasicValueType.Float64])
            foreach (var kind in (BinaryArithmeticKind[])[BinaryArithmeticKind.Add, BinaryArithmeticKind.Sub, BinaryArithmeticKind.Mul])
                builder.GetIntrinsicManager().RegisterBinaryArithmetic(kind, type, rounded);
        return builder;
    }

    // ILGPU's table of remapped methods is one for the process.
    private static bool Map()
    {
        RemappedIntrinsics.AddRemapping(typeof(MathF).GetMethod(nameof(MathF.FusedMultiplyAdd))!, (ref InvocationContext call) => Fuse(ref call, nameof(Same32)));
        RemappedIntrinsics.AddRemapping(typeof(Math).GetMethod(nameof(Math.FusedMultiplyAdd))!, (ref InvocationContext call) => Fuse(ref call, nameof(Same64)));
        RemappedIntrinsics.AddRemapping(typeof(MathF).GetMethod(nameof(MathF.Round), [typeof(float)])!,
            (ref InvocationContext call) => call.Method = Own(nameof(RoundToEven)));
        return true;
    }

    // A remapped call must stay a call: the value goes in as the only argument of a function that returns it.
    private static void Fuse(ref InvocationContext call, string same)
    {
        Value fused = call.Builder.CreateArithmetic(call.Location, call[0], call[1], call[2], TernaryArithmeticKind.MultiplyAdd);
        call.Arguments.Clear();
        call.Arguments.Add(fused);
        call.Method = Own(same);
    }

    private static MethodInfo Own(string name) => typeof(ExactMath).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;

    private static float Same32(float value) => value;

    private static double Same64(double value) => value;

    // Below 2^23 the sum with 2^23 has no fraction bits; above, every float is whole. The sign survives a result of zero.
    private static float RoundToEven(float x)
    {
        var sign = Interop.FloatAsInt(x) & 0x80000000u;
        var size = Interop.IntAsFloat(Interop.FloatAsInt(x) & 0x7FFFFFFFu);
        var whole = size < 8388608f ? (size + 8388608f) - 8388608f : size;
        return Interop.IntAsFloat(Interop.FloatAsInt(whole) | sign);
    }

    /// <summary>Writes one rounded PTX instruction; found by ILGPU through its name.</summary>
    public static void GenerateRounded(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var arithmetic = (BinaryArithmeticValue)value;
        var left = generator.LoadPrimitive(arithmetic.Left);
        var right = generator.LoadPrimitive(arithmetic.Right);
        var target = generator.AllocateHardware(arithmetic);
        var operation = arithmetic.Kind switch { BinaryArithmeticKind.Add => "add", BinaryArithmeticKind.Sub => "sub", _ => "mul" };
        using var command = generator.BeginCommand($"{operation}.rn.{(arithmetic.BasicValueType == BasicValueType.Float64 ? "f64" : "f32")}");
        command.AppendArgument(target);
        command.AppendArgument(left);
        command.AppendArgument(right);
    }
}
