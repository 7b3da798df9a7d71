namespace DistTrain.Kernels;

/// <summary>
/// Elementary functions in double for what is computed once a step (learning rates, bias corrections, initial scales), from
/// + - * / and fused multiply-add alone, so that every machine gets the same bits. Errors stay within 2 units of the last place.
/// </summary>
public static class Scalar64
{
    private const double Ln2High = 0.693147180369123816490, Ln2Low = 1.90821492927058770002e-10;

    /// <summary>e^x.  x = n·ln 2 + r;  2^n · (Taylor of e^r to degree 13, |r| &lt;= ln 2 / 2).</summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x > 709.79) return double.PositiveInfinity;
        if (x < -745.14) return 0;
        var n = Math.Round(x * 1.4426950408889634);
        var r = Math.FusedMultiplyAdd(-n, Ln2Low, Math.FusedMultiplyAdd(-n, Ln2High, x));
        var p = 1.0 / 6227020800;
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 479001600);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 39916800);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 3628800);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 362880);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 40320);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 5040);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 720);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 120);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 24);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 6);
        p = Math.FusedMultiplyAdd(p, r, 0.5);
        p = 1 + Math.FusedMultiplyAdd(p, r * r, r);
        var half = (int)n >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo((int)n - half);
    }

    /// <summary>ln x.  x = 2^e · m, m in [√½, √2);  s = (m - 1) / (m + 1);  ln x = e·ln 2 + 2·(s + s³/3 + s⁵/5 + ...).</summary>
    public static double Log(double x)
    {
        if (double.IsNaN(x) || x < 0) return double.NaN;
        if (x == 0) return double.NegativeInfinity;
        if (double.IsPositiveInfinity(x)) return x;
        var e = 0;
        if (x < 2.2250738585072014e-308) (x, e) = (x * 18014398509481984.0, -54);
        var bits = BitConverter.DoubleToInt64Bits(x);
        e += (int)(bits >> 52) - 1023;
        var m = BitConverter.Int64BitsToDouble((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000);
        if (m > 1.4142135623730951) (m, e) = (m * 0.5, e + 1);
        var f = m - 1;
        var s = f / (2 + f);
        var z = s * s;
        var p = 0.0;
        for (var k = 23; k >= 3; k -= 2) p = Math.FusedMultiplyAdd(p, z, 2.0 / k);
        // ln(1 + f) = f - s·(f - R) with R = 2s²/3 + ...: the leading term f is exact.
        return Math.FusedMultiplyAdd(e, Ln2High, f - (s * (f - p * z) - e * Ln2Low));
    }

    /// <summary>cos x for |x| &lt;= 10^5.</summary>
    public static double Cos(double x)
    {
        var q = Quadrant(x, out var r);
        var y = (q & 1) == 0 ? CosNear(r) : SinNear(r);
        return q is 1 or 2 ? -y : y;
    }

    /// <summary>sin x for |x| &lt;= 10^5.</summary>
    public static double Sin(double x)
    {
        var q = Quadrant(x, out var r);
        var y = (q & 1) == 0 ? SinNear(r) : CosNear(r);
        return q is 2 or 3 ? -y : y;
    }

    /// <summary>x^n by repeated squaring, lowest bit first; the relative error grows as n · 2^-53.</summary>
    public static double Power(double x, int n)
    {
        var (result, square) = (1.0, x);
        for (var bits = (uint)Math.Abs((long)n); bits != 0; bits >>= 1, square *= square)
            if ((bits & 1) != 0) result *= square;
        return n < 0 ? 1 / result : result;
    }

    /// <summary>x^y = e^(y · ln x) for x &gt; 0; 0^y = 0 for y &gt; 0; x^0 = 1. The relative error grows with |y · ln x|.</summary>
    public static double Power(double x, double y) => y == 0 ? 1 : x == 0 && y > 0 ? 0 : Exp(y * Log(x));

    // π/2 in three parts; each product with q is taken inside one fused operation.
    private static int Quadrant(double x, out double r)
    {
        var q = Math.Round(x * 0.63661977236758134);
        r = Math.FusedMultiplyAdd(-q, 1.5707963267948966, x);
        r = Math.FusedMultiplyAdd(-q, 6.123233995736766e-17, r);
        r = Math.FusedMultiplyAdd(-q, -1.4973849048591698e-33, r);
        return double.IsFinite(x) ? (int)((long)q & 3) : 0;
    }

    private static double SinNear(double r)
    {
        var z = r * r;
        var p = 1.0 / 355687428096000;
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 1307674368000);
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 6227020800);
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 39916800);
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 362880);
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 5040);
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 120);
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 6);
        return Math.FusedMultiplyAdd(p * z, r, r);
    }

    private static double CosNear(double r)
    {
        var z = r * r;
        var p = -1.0 / 6402373705728000;
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 20922789888000);
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 87178291200);
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 479001600);
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 3628800);
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 40320);
        p = Math.FusedMultiplyAdd(p, z, -1.0 / 720);
        p = Math.FusedMultiplyAdd(p, z, 1.0 / 24);
        return 1 - Math.FusedMultiplyAdd(-p * z, z, 0.5 * z);
    }

    private static double PowerOfTwo(int n) => BitConverter.Int64BitsToDouble((long)(n + 1023) << 52);
}
