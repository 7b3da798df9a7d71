using ILGPU;
using ILGPU.Runtime;

namespace DistTrain.Kernels;

/// <summary>
/// Device memory in large blocks, handed out in slices whose address is a multiple of 256 bytes. Taking and returning a slice
/// never calls the driver (its free waits for the whole device); blocks stay until the device is disposed.
/// </summary>
/// <remarks>A returned slice may be given out at once: all work of a device runs in order on one stream.</remarks>
internal sealed class Arena(Accelerator accelerator, AcceleratorStream stream) : IDisposable
{
    /// <summary>64 elements of 4 bytes: 256 bytes.</summary>
    public const int AlignmentElements = 64;

    private const long BlockElements = 16 << 20;

    private readonly List<Block> _blocks = [];

    public long ReservedBytes { get; private set; }

    /// <summary>Zeroed elements.</summary>
    public Slice Take(long elements)
    {
        var length = (Math.Max(elements, 1) + AlignmentElements - 1) & -(long)AlignmentElements;
        foreach (var block in _blocks)
            if (block.TryTake(length, out var start)) return Zeroed(new Slice(block, start, length));
        var added = new Block(accelerator, Math.Max(length, accelerator.AcceleratorType == AcceleratorType.CPU ? 0 : BlockElements));
        ReservedBytes += added.Length * sizeof(float);
        _blocks.Add(added);
        _ = added.TryTake(length, out var first);
        return Zeroed(new Slice(added, first, length));
    }

    public void Dispose()
    {
        foreach (var block in _blocks) block.Memory.Dispose();
        _blocks.Clear();
    }

    private Slice Zeroed(Slice slice)
    {
        slice.View.MemSetToZero(stream);
        return slice;
    }

    /// <summary>A part of a block that one buffer owns.</summary>
    public readonly record struct Slice(Block Block, long Start, long Length)
    {
        public ArrayView<float> View => Block.Memory.View.BaseView.SubView(Start, Length);

        public void Return() => Block.Return(Start, Length);
    }

    /// <summary>One allocation of the driver with its free ranges, in order and never adjacent.</summary>
    public sealed class Block
    {
        private readonly SortedList<long, long> _free = [];

        public Block(Accelerator accelerator, long length)
        {
            Memory = accelerator.Allocate1D<float>(length);
            Length = length;
            _free.Add(0, length);
        }

        public long Length { get; }

        public MemoryBuffer1D<float, Stride1D.Dense> Memory { get; }

        // The first range that fits.
        public bool TryTake(long length, out long start)
        {
            for (var i = 0; i < _free.Count; i++)
            {
                var size = _free.GetValueAtIndex(i);
                if (size < length) continue;
                start = _free.GetKeyAtIndex(i);
                _free.RemoveAt(i);
                if (size > length) _free.Add(start + length, size - length);
                return true;
            }
            start = 0;
            return false;
        }

        public void Return(long start, long length)
        {
            _free.Add(start, length);
            var at = _free.IndexOfKey(start);
            if (at + 1 < _free.Count && _free.GetKeyAtIndex(at + 1) == start + length) Join(at);
            if (at > 0 && _free.GetKeyAtIndex(at - 1) + _free.GetValueAtIndex(at - 1) == start) Join(at - 1);
        }

        private void Join(int at)
        {
            _free.SetValueAtIndex(at, _free.GetValueAtIndex(at) + _free.GetValueAtIndex(at + 1));
            _free.RemoveAt(at + 1);
        }
    }
}
