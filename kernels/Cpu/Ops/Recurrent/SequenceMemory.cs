namespace DistTrain.Kernels;

/// <summary>Working memory of a recurrent op: kept between calls and grown when a larger batch comes.</summary>
internal sealed class SequenceMemory(CpuDevice device)
{
    private readonly CpuBuffer?[] _buffers = new CpuBuffer?[10];

    public View Of(int index, int length)
    {
        if (_buffers[index] is null || _buffers[index]!.Length < length)
        {
            _buffers[index]?.Dispose();
            _buffers[index] = new CpuBuffer(device, length);
        }
        return _buffers[index]!.View.Part(0, length);
    }

    /// <summary>state [N, H] = h0, or zeros where that is absent.</summary>
    public static void Begin(View state, View h0, int samples, int hidden)
    {
        OperandCheck.ShapeOrAbsent("recurrent", "h0", h0, samples, hidden);
        if (h0.IsNone) state.AsSpan().Clear();
        else h0.AsSpan().CopyTo(state.AsSpan());
    }

    /// <summary>y [N, T, H] one step later: h0 or zeros, then all steps but the last.</summary>
    public View Shifted(int index, View y, int samples, int steps, int hidden, View h0)
    {
        var shifted = Of(index, y.Length);
        for (var n = 0; n < samples; n++)
        {
            var rows = shifted.AsSpan().Slice(n * steps * hidden, steps * hidden);
            if (h0.IsNone) rows[..hidden].Clear();
            else h0.AsSpan().Slice(n * hidden, hidden).CopyTo(rows);
            y.AsSpan().Slice(n * steps * hidden, (steps - 1) * hidden).CopyTo(rows[hidden..]);
        }
        return shifted;
    }
}
