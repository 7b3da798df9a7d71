namespace DistTrain.Kernels;

/// <summary>y = (x - mean) / sqrt(var + epsilon) · gamma + beta for each row of [rows, width]. Ba, Kiros, Hinton 2016, arXiv:1607.06450.</summary>
/// <remarks>
/// Row sums are one 16-lane reduction with the fixed fold; mean = Σ x / width, var = Σ (x - mean)² / width. Sums over rows (dGamma, dBeta) are
/// chunk, segment, tree. Without gamma and beta the rows are normalized only: group normalization's rows are groups.
/// </remarks>
public interface ILayerNorm : IOp
{
    /// <param name="gamma">[width] or absent; beta likewise, both or none.</param>
    /// <param name="y">[rows, width], overwritten: fma((x - mean)·inverseStd, gamma, beta); may be x.</param>
    /// <param name="mean">[rows], saved for the backward pass, overwritten; inverseStd likewise.</param>
    void Forward(int rows, int width, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd);

    /// <summary>g = dy·gamma, z = (x - mean)·inverseStd;  dx = (fma(-z, Σ g·z / width, g - Σ g / width))·inverseStd; overwritten; may be dy.</summary>
    void BackwardInput(int rows, int width, View x, View gamma, View mean, View inverseStd, View dy, View dx);

    /// <summary>dGamma = Σ rows dy·z, dBeta = Σ rows dy; both [width], overwritten.</summary>
    void BackwardWeights(Segments segments, int rowsPerSample, int width, View x, View mean, View inverseStd, View dy, View dGamma, View dBeta);
}

/// <summary>The plain loops: the definition.</summary>
internal sealed unsafe class LayerNormReference : ILayerNorm
{
    public LayerNormReference(CpuDevice device) => ArgumentNullException.ThrowIfNull(device);

    public void Forward(int rows, int width, float epsilon, View x, View gamma, View beta, View y, View mean, View inverseStd)
    {
        ExpectForward(rows, width, x, gamma, beta, y, mean, inverseStd);
        Span<float> lanes = stackalloc float[LaneFold.Lanes];
        for (var row = 0; row < rows; row++)
        {
            float* from = x.Floats() + (long)row * width, to = y.Floats() + (long)row * width;
            lanes.Clear();
            for (var i = 0; i < width; i++) lanes[i % 16] += from[i];
            var m = LaneFold.Sum(lanes) / width;
            lanes.Clear();
            for (var i = 0; i < width; i++) lanes[i % 16] = MathF.FusedMultiplyAdd(from[i] - m, from[i] - m, lanes[i % 16]);
            var inverse = 1 / MathF.Sqrt(LaneFold.Sum(lanes) / width + epsilon);
            (mean.Floats()[row], inverseStd.Floats()[row]) = (m, inverse);
            for (var i = 0; i < width; i++)
            {
                var z = (from[i] - m) * inverse;
                to[i] = gamma.IsNone ? z : MathF.FusedMultiplyAdd(z, gamma.Floats()[i], beta.Floats()[i]);
            }
        }
    }

    public void BackwardInput(int rows, int width, View x, View gamma, View mean, View inverseStd, View dy, View dx)
    {
        ExpectBackwardInput(rows, width, x, gamma, mean, inverseStd, dy, dx);
        Span<float> sums = stackalloc float[LaneFold.Lanes], products = stackalloc float[LaneFold.Lanes];
        for (var row = 0; row < rows; row++)
        {
            float* from = x.Floats() + (long)row * width, gradient = dy.Floats() + (long)row * width, to = dx.Floats() + (long)row * width;
            var (m, inverse) = (mean.Floats()[row], inverseStd.Floats()[row]);
            float G(int i) => gamma.IsNone ? gradient[i] : gradient[i] * gamma.Floats()[i];
            sums.Clear();
            products.Clear();
            for (var i = 0; i < width; i++)
            {
                sums[i % 16] += G(i);
                products[i % 16] = MathF.FusedMultiplyAdd(G(i), (from[i] - m) * inverse, products[i % 16]);
            }
            var (shift, slope) = (LaneFold.Sum(sums) / width, LaneFold.Sum(products) / width);
            for (var i = 0; i < width; i++) to[i] = MathF.FusedMultiplyAdd(-((from[i] - m) * inverse), slope, G(i) - shift) * inverse;
        }
    }

    public void BackwardWeights(Segments segments, int rowsPerSample, int width, View x, View mean, View inverseStd, View dy, View dGamma, View dBeta)
    {
        ExpectBackwardWeights(segments, rowsPerSample, width, x, mean, inverseStd, dy, dGamma, dBeta);
        var count = TileRuns.Count(segments, rowsPerSample);
        var (rows, merges) = (new int[count], new int[count]);
        fixed (int* toRows = rows, toMerges = merges) TileRuns.Fill(segments, rowsPerSample, toRows, toMerges);
        var depth = TileRuns.StackDepth(segments);
        Span<float> gammaStack = stackalloc float[depth], betaStack = stackalloc float[depth];
        for (var i = 0; i < width; i++)
        {
            var gammas = new PartialSums(gammaStack);
            var betas = new PartialSums(betaStack);
            long row = 0;
            for (var run = 0; run < count; run++)
            {
                var (toGamma, toBeta) = (0f, 0f);
                for (var end = row + rows[run]; row < end; row++)
                {
                    var gradient = dy.Floats()[row * width + i];
                    toGamma = MathF.FusedMultiplyAdd(gradient, (x.Floats()[row * width + i] - mean.Floats()[row]) * inverseStd.Floats()[row], toGamma);
                    toBeta += gradient;
                }
                gammas.Push(toGamma, merges[run]);
                betas.Push(toBeta, merges[run]);
            }
            (dGamma.Floats()[i], dBeta.Floats()[i]) = (gammas.Total, betas.Total);
        }
    }

    internal static void ExpectForward(int rows, int width, View x, View gamma, View beta, View y, View mean, View inverseStd)
    {
        ExpectRows(rows, width, x, mean, inverseStd);
        OperandCheck.ShapeOrAbsent("layerNorm", "gamma", gamma, width);
        if (gamma.IsNone != beta.IsNone) throw new ArgumentException("layerNorm: gamma and beta must both be there, or neither.", nameof(beta));
        OperandCheck.ShapeOrAbsent("layerNorm", "beta", beta, width);
        OperandCheck.Shape("layerNorm", "y", y, rows, width);
    }

    internal static void ExpectBackwardInput(int rows, int width, View x, View gamma, View mean, View inverseStd, View dy, View dx)
    {
        ExpectRows(rows, width, x, mean, inverseStd);
        OperandCheck.ShapeOrAbsent("layerNorm", "gamma", gamma, width);
        OperandCheck.Shape("layerNorm", "dy", dy, rows, width);
        OperandCheck.Shape("layerNorm", "dx", dx, rows, width);
    }

    internal static void ExpectBackwardWeights(Segments segments, int rowsPerSample, int width, View x, View mean, View inverseStd, View dy, View dGamma, View dBeta)
    {
        ArgumentNullException.ThrowIfNull(segments);
        OperandCheck.Positive("layerNorm", "rowsPerSample", rowsPerSample);
        var rows = segments.Samples * rowsPerSample;
        ExpectRows(rows, width, x, mean, inverseStd);
        OperandCheck.Shape("layerNorm", "dy", dy, rows, width);
        OperandCheck.Shape("layerNorm", "dGamma", dGamma, width);
        OperandCheck.Shape("layerNorm", "dBeta", dBeta, width);
    }

    private static void ExpectRows(int rows, int width, View x, View mean, View inverseStd)
    {
        OperandCheck.Positive("layerNorm", "width", width);
        OperandCheck.Shape("layerNorm", "x", x, rows, width);
        OperandCheck.Shape("layerNorm", "mean", mean, rows);
        OperandCheck.Shape("layerNorm", "inverseStd", inverseStd, rows);
    }
}
