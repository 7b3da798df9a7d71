using System.Text;
using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Sums;

public sealed class Crc32CTests
{
    [Theory]
    [InlineData("", 0x00000000u)]
    [InlineData("a", 0xC1D04330u)]
    [InlineData("123456789", 0xE3069283u)]
    public void Known_answers(string text, uint expected) => Assert.Equal(expected, Crc32C.Of(Encoding.ASCII.GetBytes(text)));

    // RFC 3720, appendix B.4.
    [Fact]
    public void Known_answers_of_the_iscsi_standard()
    {
        var rising = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
        Assert.Equal(0x8A9136AAu, Crc32C.Of(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Of(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Of(rising));
        Assert.Equal(0x113FDB5Cu, Crc32C.Of(rising.Reverse().ToArray()));
    }

    [Fact]
    public void Every_length_and_alignment_agrees_with_the_bitwise_definition()
    {
        var data = new byte[20_011];
        for (var i = 0; i < data.Length; i++) data[i] = (byte)(i * 2654435761u >> 13);
        int[] lengths = [.. Enumerable.Range(0, 70), 511, 512, 513, 767, 768, 769, 1023, 1024, 3071, 3072, 3073, 3080, 6143, 6144, 9999, 20_000];
        foreach (var length in lengths)
            foreach (var start in (int[])[0, 1, 3, 7, 11])
            {
                var expected = Bitwise(data.AsSpan(start, length));
                Assert.Equal(expected, Crc32C.Of(data.AsSpan(start, length)));
                // What machines without wide carry-less products run.
                Assert.Equal(expected, ~Crc32C.Streams(~0u, data.AsSpan(start, length)));
            }
    }

    [Fact]
    public void Appending_in_pieces_equals_the_whole()
    {
        var data = new byte[10_000];
        for (var i = 0; i < data.Length; i++) data[i] = (byte)(i * 40503u >> 7);
        var whole = Crc32C.Of(data);
        foreach (var cut in (int[])[0, 1, 8, 1000, 3072, 4097, 9_999, 10_000])
            Assert.Equal(whole, Crc32C.Append(Crc32C.Of(data.AsSpan(0, cut)), data.AsSpan(cut)));
    }

    [Fact]
    public void Any_flipped_bit_changes_the_sum()
    {
        var data = new byte[4000];
        var whole = Crc32C.Of(data);
        for (var bit = 0; bit < 8 * data.Length; bit += 7)
        {
            data[bit >> 3] ^= (byte)(1 << (bit & 7));
            Assert.NotEqual(whole, Crc32C.Of(data));
            data[bit >> 3] ^= (byte)(1 << (bit & 7));
        }
    }

    private static uint Bitwise(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        foreach (var value in data)
        {
            crc ^= value;
            for (var i = 0; i < 8; i++) crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
        }
        return ~crc;
    }
}
