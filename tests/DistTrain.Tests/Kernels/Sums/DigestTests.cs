using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Sums;

public sealed class DigestTests
{
    [Fact]
    public void Every_width_gives_the_same_digest_at_every_length()
    {
        var content = EveryBody.Normal(1, 3000);
        var seen = new HashSet<ulong>();
        foreach (var length in Enumerable.Range(0, 200).Concat([1023, 1024, 1025, 2047, 2048, 3000]))
        {
            var part = content.AsSpan(0, length);
            var plain = Digest.Of(part, vector512: false, vector256: false);
            Assert.Equal(plain, Digest.Of(part, vector512: false, vector256: true));
            Assert.Equal(plain, Digest.Of(part, vector512: true, vector256: false));
            Assert.Equal(plain, Digest.Of(part));
            Assert.True(seen.Add(plain), $"length {length} repeats a digest");
        }
    }

    [Fact]
    public void Any_flipped_bit_any_swap_and_any_shift_changes_it()
    {
        var content = EveryBody.Normal(1, 257);
        var seen = new HashSet<ulong> { Digest.Of(content) };
        for (var i = 0; i < content.Length; i++)
            for (var bit = 0; bit < 32; bit++)
            {
                var kept = content[i];
                content[i] = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(kept) ^ 1 << bit);
                Assert.True(seen.Add(Digest.Of(content)), $"bit {bit} of element {i}");
                content[i] = kept;
            }
        for (var i = 0; i + 16 < content.Length; i++)
        {
            (content[i], content[i + 16]) = (content[i + 16], content[i]);
            Assert.True(seen.Add(Digest.Of(content)), $"elements {i} and {i + 16} swapped");
            (content[i], content[i + 16]) = (content[i + 16], content[i]);
        }
    }

    [Fact]
    public void Zeros_of_different_lengths_and_signs_differ()
    {
        Assert.Equal(300, Enumerable.Range(0, 300).Select(n => Digest.Of(new float[n])).Distinct().Count());
        Assert.NotEqual(Digest.Of([0f]), Digest.Of([-0f]));
        Assert.NotEqual(Digest.Combine(1, 2), Digest.Combine(2, 1));
    }

    [Fact]
    public void Its_value_is_fixed()
    {
        // Machines of different builds compare digests: a change here must be a change of version.
        Assert.Equal(1880921481017397773UL, Digest.Of([1f, 2f, 3f]));
    }
}
