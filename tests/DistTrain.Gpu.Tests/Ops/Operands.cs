using System.Runtime.InteropServices;
using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>The operands of one op's call on some device: inputs of fixed pseudo-random content, outputs remembered in order.</summary>
public sealed class Operands(Device device) : IDisposable
{
    // Where views start inside their buffers: the layout of parameters puts tensors at multiples of 16 elements.
    private const int Offset = 16;

    private readonly List<DeviceBuffer> _buffers = [];
    private readonly List<View> _outputs = [];
    private uint _inputs;

    public Device Device => device;

    /// <summary>Numbers in [-1, 1); every input of a call differs, and a call's inputs are the same on every device.</summary>
    public View In(int length, float scale = 1f, float shift = 0f)
    {
        var key = RandomKey.Of(7, 0, _inputs++);
        return Put(Enumerable.Range(0, length).Select(i => (2 * Philox.Uniform(Philox.Word(key, 0, i)) - 1) * scale + shift).ToArray());
    }

    public View Put(float[] values)
    {
        var buffer = device.Allocate(values.Length + Offset);
        _buffers.Add(buffer);
        buffer.Write(Offset, values);
        return buffer.View[Offset..];
    }

    /// <summary>Whole numbers in [0, below).</summary>
    public View Ints(int length, int below)
    {
        var key = RandomKey.Of(8, 0, _inputs++);
        return Put(MemoryMarshal.Cast<int, float>(Enumerable.Range(0, length).Select(i => (int)(Philox.Word(key, 0, i) % (uint)below)).ToArray()).ToArray());
    }

    /// <summary>An output, filled with a number that must not survive.</summary>
    public View Out(int length)
    {
        var view = Put(Enumerable.Repeat(-777f, length).ToArray());
        _outputs.Add(view);
        return view;
    }

    /// <summary>An operand that the op changes.</summary>
    public View InOut(View view)
    {
        _outputs.Add(view);
        return view;
    }

    /// <summary>Everything the op wrote, in the order of declaration.</summary>
    public float[] Results()
    {
        var all = new List<float>();
        foreach (var view in _outputs)
        {
            var values = new float[view.Length];
            view.Buffer!.Read(view.Offset, values);
            all.AddRange(values);
        }
        return [.. all];
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers) buffer.Dispose();
    }
}
