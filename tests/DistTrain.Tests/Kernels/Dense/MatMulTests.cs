using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Dense;

public sealed class MatMulTests : IDisposable
{
    private readonly Bodies _bodies = new();

    public void Dispose() => _bodies.Dispose();

    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 1, 1, 0 }, { 3, 5, 4 }, { 1, 17, 9 }, { 17, 1, 9 }, { 7, 13, 23 }, { 10, 84, 64 }, { 13, 33, 65 }, { 25, 31, 100 },
        { 64, 10, 84 }, { 64, 120, 400 }, { 65, 127, 130 }, { 12, 32, 16 }, { 24, 64, 5 }, { 6, 16, 700 }, { 100, 96, 40 }, { 130, 160, 300 },
        { 7, 45, 1030 }, { 30, 70, 1100 }, { 13, 300, 520 }, { 100, 500, 40 }, { 161, 700, 33 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_body_gives_the_reference_bits(int m, int n, int k)
    {
        var product = new MatMulShape(m, n, k);
        foreach (var shape in new[] { product, product with { TransposeA = true }, product with { TransposeB = true }, product with { TransposeA = true, TransposeB = true } })
        {
            _bodies.AssertSameBits($"{shape}", (device, input, output) => device.Op<IMatMul>().Multiply(shape, input(m * k), input(k * n), output(m * n)));
            _bodies.AssertSameBits($"{shape} accumulating", (device, input, output) =>
            {
                var (a, b, c) = (input(m * k), input(k * n), output(m * n));
                input(m * n).AsSpan().CopyTo(c.AsSpan());
                device.Op<IMatMul>().Multiply(shape, a, b, c, accumulate: true);
            });
        }
    }

    public static TheoryData<int[], int, int, int> SegmentCases => new()
    {
        { [0, 1], 1, 3, 5 }, { [0, 16, 32, 48, 64], 1, 13, 33 }, { [0, 3, 3, 7, 12, 12, 20], 1, 25, 40 }, { [0, 5, 11, 18], 7, 10, 84 },
        { [0, 8, 16, 24, 32, 40, 48, 56], 1, 12, 64 }, { [0, 600, 1700, 1701], 1, 3, 17 }, { [0, 2, 4, 6], 513, 2, 3 }, { [0, 64], 1, 65, 31 },
    };

    [Theory]
    [MemberData(nameof(SegmentCases))]
    public void Sums_over_segments_give_the_reference_bits(int[] starts, int rowsPerSample, int m, int n)
    {
        var segments = new Segments(starts);
        var rows = segments.Samples * rowsPerSample;
        _bodies.AssertSameBits($"[{string.Join(",", starts)}] x {rowsPerSample}, {m} x {n}", (device, input, output) =>
            device.Op<IMatMul>().MultiplySegments(segments, rowsPerSample, m, n, input(rows * m), input(rows * n), output(m * n)));
    }

    [Fact]
    public void Aligned_nodes_summed_by_the_tree_are_the_whole_batch()
    {
        const int segmentSamples = 5, m = 13, n = 37;
        using var device = new CpuDevice(2);
        var matMul = device.Op<IMatMul>();
        for (var count = 2; count <= 8; count++)
        {
            var a = Bodies.On(device, Bodies.Values(1, count * segmentSamples * m));
            var b = Bodies.On(device, Bodies.Values(2, count * segmentSamples * n));
            var whole = Sum(0, count);
            foreach (var split in AlignedSplits(0, count)) Bodies.AssertBits($"{count} segments as {split}", whole, Fold(split));

            float[] Sum(int first, int length)
            {
                var segments = new Segments([.. Enumerable.Range(0, length + 1).Select(i => i * segmentSamples)]);
                var c = device.Allocate(m * n).View;
                matMul.MultiplySegments(segments, 1, m, n, a.Part(first * segmentSamples * m, length * segmentSamples * m), b.Part(first * segmentSamples * n, length * segmentSamples * n), c);
                return c.AsSpan().ToArray();
            }

            float[] Fold(Node node)
            {
                if (node.Left is null) return Sum(node.First, node.Count);
                var (left, right) = (Fold(node.Left), Fold(node.Right!));
                for (var i = 0; i < left.Length; i++) left[i] += right[i];
                return left;
            }
        }
    }

    [Fact]
    public void Not_a_number_and_infinity_reach_the_elements_that_touch_them()
    {
        _bodies.AssertSameBits("NaN and infinity", (device, input, output) =>
        {
            var (a, b, c) = (input(20 * 30), input(30 * 40), output(20 * 40));
            (a.AsSpan()[5 * 30 + 7], b.AsSpan()[3 * 40 + 9], b.AsSpan()[4 * 40 + 10]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);
            device.Op<IMatMul>().Multiply(new MatMulShape(20, 40, 30), a, b, c);
            for (var j = 0; j < 40; j++) Assert.True(float.IsNaN(c.AsSpan()[5 * 40 + j]));
            Assert.True(float.IsInfinity(c.AsSpan()[9]) && float.IsInfinity(c.AsSpan()[10]) && float.IsFinite(c.AsSpan()[11]));
        });
    }

    [Theory]
    [InlineData(InstructionSet.Scalar)]
    [InlineData(InstructionSet.Vector512)]
    public void A_view_of_the_wrong_length_is_named_with_both_lengths(InstructionSet instructionSet)
    {
        using var device = new CpuDevice(1, instructionSet);
        var view = device.Allocate(6).View;
        var failure = Assert.Throws<ArgumentException>(() => device.Op<IMatMul>().Multiply(new MatMulShape(2, 2, 3), view, device.Allocate(5).View, device.Allocate(4).View));
        Assert.StartsWith("matMul: b has 5 elements; it must have 6 elements [3, 2].", failure.Message);
        failure = Assert.Throws<ArgumentException>(() => device.Op<IMatMul>().MultiplySegments(Segments.One(3), 1, 2, 2, view, view, View.None));
        Assert.StartsWith("matMul over segments: c is absent; it must have 4 elements [2, 2].", failure.Message);
    }

    internal sealed record Node(int First, int Count, Node? Left = null, Node? Right = null)
    {
        public override string ToString() => Left is null ? $"{First}+{Count}" : $"({Left} {Right})";
    }

    /// <summary>Every way to cut the tree over segments [first, first + count) into nodes.</summary>
    internal static IEnumerable<Node> AlignedSplits(int first, int count)
    {
        yield return new Node(first, count);
        if (count == 1) yield break;
        var split = Segments.Split(count);
        foreach (var left in AlignedSplits(first, split))
            foreach (var right in AlignedSplits(first + split, count - split)) yield return new Node(first, count, left, right);
    }
}
