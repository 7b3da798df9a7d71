using System.Runtime.InteropServices;
using ILGPU;

namespace DistTrain.Kernels;

/// <summary>IBlockNorm on an accelerator: a team of sixteen threads for each block, in double; only one number a block comes back.</summary>
public sealed class BlockNormGpu(GpuDevice device) : IBlockNorm
{
    private readonly GpuKernel<Arguments> _squares = new(device, SquaresKernel);
    private int[] _blocks = [];
    private float[] _read = [];
    private GpuBuffer? _table;
    private GpuBuffer? _results;

    /// <summary>Blocks int [2, Count]: starts, lengths; Squares double [Count], overwritten.</summary>
    public readonly record struct Arguments(ArrayView<float> Gradient, ArrayView<int> Blocks, ArrayView<double> Squares, int Count);

    public void SumOfSquares(View gradient, ReadOnlySpan<int> starts, ReadOnlySpan<int> lengths, Span<double> squares)
    {
        BlockNormCpu.ExpectBlocks(gradient, starts, lengths, squares);
        if (starts.IsEmpty) return;
        Place(starts, lengths);
        _squares.LaunchTeams(starts.Length, new(GpuBuffer.Of(gradient), GpuBuffer.IntsOf(_table!.View), GpuBuffer.DoublesOf(_results!.View), starts.Length));
        _results.Read(0, _read);
        MemoryMarshal.Cast<float, double>(_read).CopyTo(squares);
    }

    // A shard asks for the same blocks in every step: they go to the device once.
    private void Place(ReadOnlySpan<int> starts, ReadOnlySpan<int> lengths)
    {
        if (_blocks.Length == 2 * starts.Length && _blocks.AsSpan(0, starts.Length).SequenceEqual(starts) && _blocks.AsSpan(starts.Length).SequenceEqual(lengths)) return;
        _blocks = [.. starts, .. lengths];
        if (_table is null || _table.Length < _blocks.Length)
        {
            _table?.Dispose();
            _results?.Dispose();
            _table = (GpuBuffer)device.Allocate(_blocks.Length);
            _results = (GpuBuffer)device.Allocate(_blocks.Length);
        }
        if (_read.Length != _blocks.Length) _read = new float[_blocks.Length];
        _table.Write(0, MemoryMarshal.Cast<int, float>(_blocks));
    }

    private static void SquaresKernel(Arguments a)
    {
        var shared = SharedMemory.Allocate<double>(256);
        var block = Team.Index;
        var sum = 0.0;
        if (block < a.Count)
        {
            var (start, length) = (a.Blocks[block], a.Blocks[a.Count + block]);
            for (var i = Team.Lane; i < length; i += Team.Lanes)
            {
                double g = a.Gradient[start + i];
                sum += g * g;
            }
        }
        sum = Team.Sum(shared, sum);
        if (block < a.Count && Team.Lane == 0) a.Squares[block] = sum;
    }
}
