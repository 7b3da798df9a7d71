using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistTrain.Kernels;

/// <summary>
/// A 64-bit digest of floats, bit by bit and in order: equal content gives equal digests on every machine. It finds
/// accidents (a torn copy, a swapped block, a wrong bit) at memory speed; it is no protection against an adversary.
/// </summary>
/// <remarks>
/// Eight 64-bit lanes over stripes of 16 floats (the last one padded with zeros). Stripe s, lane l: x = data ^ key(s, l);
/// sum(l) += low32(x) · high32(x) + data with its halves swapped; key(s + 1, l) = key(s, l) + an odd constant, so equal
/// stripes at different places weigh differently. The multiply-fold is that of XXH3 (Collet 2019); the keys are our own.
/// Every 64 stripes each sum is mixed (xor-shift, multiply); at the end all are chained through SplitMix64's finalizer with the length.
/// </remarks>
public static unsafe class Digest
{
    private const int Stripe = 16;
    private const int MixEvery = 64;
    private const ulong Step = 0x9E3779B97F4A7C15;
    private const uint MixFactor = 0x9E3779B1;

    public static ulong Of(ReadOnlySpan<float> content) => Of(content, Vector512.IsHardwareAccelerated, Avx2.IsSupported);

    /// <summary>A digest of digests, order sensitive.</summary>
    public static ulong Combine(ulong left, ulong right) => Finish(left * Step + right);

    internal static ulong Of(ReadOnlySpan<float> content, bool vector512, bool vector256)
    {
        var sums = stackalloc ulong[8];
        var keys = stackalloc ulong[8];
        for (var lane = 0; lane < 8; lane++) (sums[lane], keys[lane]) = (0, Finish((ulong)lane + 1));
        var whole = content.Length / Stripe;
        fixed (float* start = content)
        {
            Stripes((ulong*)start, whole, 0, sums, keys, vector512, vector256);
            var rest = content.Length - whole * Stripe;
            if (rest > 0)
            {
                var tail = stackalloc float[Stripe];
                for (var i = 0; i < Stripe; i++) tail[i] = i < rest ? start[whole * Stripe + i] : 0;
                Stripes((ulong*)tail, 1, whole, sums, keys, vector512, vector256);
            }
        }
        var digest = (ulong)content.Length;
        for (var lane = 0; lane < 8; lane++) digest = Finish(digest * Step + sums[lane]);
        return digest;
    }

    private static void Stripes(ulong* data, int count, int first, ulong* sums, ulong* keys, bool vector512, bool vector256)
    {
        if (vector512 && Avx512F.IsSupported) Stripes512(data, count, first, sums, keys);
        else if (vector256 && Avx2.IsSupported) Stripes256(data, count, first, sums, keys);
        else StripesPlain(data, count, first, sums, keys);
    }

    private static void StripesPlain(ulong* data, int count, int first, ulong* sums, ulong* keys)
    {
        for (var stripe = first; stripe < first + count; stripe++, data += 8)
            for (var lane = 0; lane < 8; lane++)
            {
                var x = data[lane] ^ keys[lane];
                sums[lane] += (uint)x * (x >> 32) + (data[lane] << 32 | data[lane] >> 32);
                keys[lane] += Step;
                if (stripe % MixEvery == MixEvery - 1) sums[lane] = Mix(sums[lane]);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Stripes256(ulong* data, int count, int first, ulong* sums, ulong* keys)
    {
        var (a, b) = (Vector256.Load(sums), Vector256.Load(sums + 4));
        var (keyA, keyB, step) = (Vector256.Load(keys), Vector256.Load(keys + 4), Vector256.Create(Step));
        for (var stripe = first; stripe < first + count; stripe++, data += 8)
        {
            a += Weigh(Vector256.Load(data), keyA);
            b += Weigh(Vector256.Load(data + 4), keyB);
            (keyA, keyB) = (keyA + step, keyB + step);
            if (stripe % MixEvery == MixEvery - 1) (a, b) = (Mix(a), Mix(b));
        }
        a.Store(sums);
        b.Store(sums + 4);
        keyA.Store(keys);
        keyB.Store(keys + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Stripes512(ulong* data, int count, int first, ulong* sums, ulong* keys)
    {
        var (sum, key, step) = (Vector512.Load(sums), Vector512.Load(keys), Vector512.Create(Step));
        for (var stripe = first; stripe < first + count; stripe++, data += 8)
        {
            var words = Vector512.Load(data);
            var x = words ^ key;
            sum += Avx512F.Multiply(x.AsUInt32(), (x >>> 32).AsUInt32()) + Avx512F.RotateLeft(words, 32);
            key += step;
            if (stripe % MixEvery != MixEvery - 1) continue;
            var y = sum ^ (sum >>> 47);
            var factor = Vector512.Create(MixFactor);
            sum = Avx512F.Multiply(y.AsUInt32(), factor) + (Avx512F.Multiply((y >>> 32).AsUInt32(), factor) << 32);
        }
        sum.Store(sums);
        key.Store(keys);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Weigh(Vector256<ulong> words, Vector256<ulong> key)
    {
        var x = words ^ key;
        return Avx2.Multiply(x.AsUInt32(), (x >>> 32).AsUInt32()) + Avx2.Shuffle(words.AsUInt32(), 0b10_11_00_01).AsUInt64();
    }

    private static Vector256<ulong> Mix(Vector256<ulong> sum)
    {
        var y = sum ^ (sum >>> 47);
        var factor = Vector256.Create(MixFactor);
        return Avx2.Multiply(y.AsUInt32(), factor) + (Avx2.Multiply((y >>> 32).AsUInt32(), factor) << 32);
    }

    private static ulong Mix(ulong sum) => (sum ^ (sum >> 47)) * MixFactor;

    private static ulong Finish(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
