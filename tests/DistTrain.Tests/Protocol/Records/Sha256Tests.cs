using System.Security.Cryptography;
using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class Sha256Tests
{
    [Fact]
    public void Every_length_has_the_hash_that_the_library_gives()
    {
        var random = new RandomStream(11, 3);
        Span<byte> hash = stackalloc byte[Sha256.Bytes];
        for (var length = 0; length <= 300; length++)
        {
            var message = new byte[length];
            for (var i = 0; i < length; i++) message[i] = (byte)random.Next(256);
            Sha256.Hash(message, hash);
            Assert.Equal(Convert.ToHexString(SHA256.HashData(message)), Convert.ToHexString(hash));
        }
    }

    [Fact]
    public void A_long_message_is_refused() => Assert.Throws<ArgumentException>(() => Sha256.Hash(new byte[1025], new byte[32]));
}
