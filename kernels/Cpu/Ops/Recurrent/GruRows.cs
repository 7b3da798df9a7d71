using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>The four element-wise passes of one step of a gated recurrent unit.</summary>
internal enum GruPhase
{
    /// <summary>r and z from their sums, and what goes into the candidate's product.</summary>
    Gates,

    /// <summary>The candidate and the new state.</summary>
    Update,

    /// <summary>From the state's gradient to those of z, the candidate and its product.</summary>
    UpdateBack,

    /// <summary>From the product's gradient to those of r and of the state before.</summary>
    GatesBack,
}

/// <summary>One step's rows: sample n's are at n times the steps' length.</summary>
internal unsafe struct GruRows
{
    public GruForm Form;
    public int Samples, Hidden, Steps;

    /// <summary>[N, T, 3H] sums of the inputs, then their gradients.</summary>
    public float* Inputs;

    /// <summary>[N, T, 4H]: r, z, n, and r∘h (reset before) or the product (after).</summary>
    public float* Gates;

    /// <summary>[N, T, H]: y, then dy; the state before this step.</summary>
    public float* Outputs, Before;

    /// <summary>[N, H]: h, then its gradient through the gates' product; its gradient on other ways.</summary>
    public float* State, Direct;

    /// <summary>[N, 2H] and [N, H] that go into a product or come out of it.</summary>
    public float* Both, One, Entering;

    /// <summary>[N, T, 2H], [N, T, H]: gradients of the sums for the weights; [N, T, H]: r∘h.</summary>
    public float* OfGates, OfCandidate, Products;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T, TAccess>(GruPhase phase, in GruRows c) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var (h, stride) = (c.Hidden, (long)c.Steps * c.Hidden);
        for (long n = 0; n < c.Samples; n++)
            for (var j = 0; j < h; j += TAccess.Step)
            {
                var (count, row, at) = (h - j, n * stride + j, n * h + j);
                float* inputs = c.Inputs + 3 * n * stride + j, gates = c.Gates + 4 * n * stride + j, both = c.Both + 2 * n * h + j;
                switch (phase)
                {
                    case GruPhase.Gates:
                        var r = Lane.Sigmoid(TAccess.Load(inputs, count) + TAccess.Load(both, count));
                        TAccess.Store(gates, count, r);
                        TAccess.Store(gates + h, count, Lane.Sigmoid(TAccess.Load(inputs + h, count) + TAccess.Load(both + h, count)));
                        TAccess.Store(c.Entering + at, count, r * TAccess.Load(c.State + at, count));
                        break;
                    case GruPhase.Update:
                        Update<T, TAccess>(c, count, gates, inputs, c.State + at, c.One + at, c.Entering + at, c.Outputs + row);
                        break;
                    case GruPhase.UpdateBack:
                        UpdateBack<T, TAccess>(c, count, gates, inputs, at, row);
                        break;
                    default:
                        GatesBack<T, TAccess>(c, count, gates, inputs, both, n, at, row, stride, j);
                        break;
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Update<T, TAccess>(in GruRows c, int count, float* gates, float* inputs, float* state, float* product, float* entering, float* y) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var h = c.Hidden;
        var (z, q, a, old) = (TAccess.Load(gates + h, count), TAccess.Load(product, count), TAccess.Load(inputs + 2 * h, count), TAccess.Load(state, count));
        var candidate = Lane.Tanh(c.Form.ResetBefore ? a + q : T.Fma(TAccess.Load(gates, count), q, a));
        var next = c.Form.Mirrored ? T.Fma(z, candidate - old, old) : T.Fma(z, old - candidate, candidate);
        TAccess.Store(gates + 2 * h, count, candidate);
        TAccess.Store(gates + 3 * h, count, c.Form.ResetBefore ? TAccess.Load(entering, count) : q);
        TAccess.Store(state, count, next);
        TAccess.Store(y, count, next);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void UpdateBack<T, TAccess>(in GruRows c, int count, float* gates, float* inputs, long at, long row) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var (h, one) = (c.Hidden, T.Of(1f));
        var (z, candidate, old) = (TAccess.Load(gates + h, count), TAccess.Load(gates + 2 * h, count), TAccess.Load(c.Before + row, count));
        var dh = TAccess.Load(c.Outputs + row, count) + (TAccess.Load(c.State + at, count) + TAccess.Load(c.Direct + at, count));
        var (ofCandidate, ofState) = c.Form.Mirrored ? (z, one - z) : (one - z, z);
        var dCandidate = dh * ofCandidate * T.Fma(-candidate, candidate, one);
        var difference = c.Form.Mirrored ? candidate - old : old - candidate;
        TAccess.Store(inputs + h, count, dh * difference * (z * (one - z)));
        TAccess.Store(inputs + 2 * h, count, dCandidate);
        TAccess.Store(c.Direct + at, count, dh * ofState);
        var product = c.Form.ResetBefore ? dCandidate : dCandidate * TAccess.Load(gates, count);
        TAccess.Store(c.One + at, count, product);
        TAccess.Store(c.OfCandidate + row, count, product);
        TAccess.Store(c.Products + row, count, TAccess.Load(gates + 3 * h, count));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GatesBack<T, TAccess>(in GruRows c, int count, float* gates, float* inputs, float* both, long n, long at, long row, long stride, int j) where T : unmanaged, ILane<T> where TAccess : struct, ILaneAccess<T>
    {
        var (h, one) = (c.Hidden, T.Of(1f));
        var (r, entered) = (TAccess.Load(gates, count), TAccess.Load(c.Entering + at, count));
        var slope = r * (one - r);
        var dr = (c.Form.ResetBefore ? entered * TAccess.Load(c.Before + row, count) : TAccess.Load(inputs + 2 * h, count) * TAccess.Load(gates + 3 * h, count)) * slope;
        var dz = TAccess.Load(inputs + h, count);
        TAccess.Store(c.Direct + at, count, TAccess.Load(c.Direct + at, count) + (c.Form.ResetBefore ? entered * r : entered));
        TAccess.Store(inputs, count, dr);
        TAccess.Store(both, count, dr);
        TAccess.Store(both + h, count, dz);
        var ofGates = c.OfGates + 2 * n * stride + j;
        TAccess.Store(ofGates, count, dr);
        TAccess.Store(ofGates + h, count, dz);
    }
}
