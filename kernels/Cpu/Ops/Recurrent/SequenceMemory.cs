namespace DistTrain.Kernels;

/// <summary>Working memory of a recurrent op: kept between calls and grown when a larger batch comes.</summary>
internal sealed class SequenceMemory(CpuDevice device)
{
    private readonly CpuBuffer?[] _buffers = new CpuBuffer?[8];

    public View Of(int index, int length)
    {
        if (_buffers[index] is null || _buffers[index]!.Length < length)
        {
            _buffers[index]?.Dispose();
            _buffers[index] = new CpuBuffer(device, length);
        }
        return _buffers[index]!.View.Part(0, length);
    }

    /// <summary>y [N, T, H] one step later: zeros, then all steps but the last.</summary>
    public View Shifted(int index, View y, int samples, int steps, int hidden)
    {
        var shifted = Of(index, y.Length);
        for (var n = 0; n < samples; n++)
        {
            var rows = shifted.AsSpan().Slice(n * steps * hidden, steps * hidden);
            rows[..hidden].Clear();
            y.AsSpan().Slice(n * steps * hidden, (steps - 1) * hidden).CopyTo(rows[hidden..]);
        }
        return shifted;
    }
}
