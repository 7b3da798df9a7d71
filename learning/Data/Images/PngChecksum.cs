namespace DistTrain.Learning;

/// <summary>CRC-32 as PNG and zip use it (polynomial 0xEDB88320, reflected). PNG (Third Edition), annex D.</summary>
public static class PngChecksum
{
    private static readonly uint[] _table = [.. Enumerable.Range(0, 256).Select(n =>
    {
        var c = (uint)n;
        for (var k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        return c;
    })];

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var c = 0xFFFFFFFFu;
        foreach (var b in bytes) c = _table[(c ^ b) & 255] ^ (c >> 8);
        return c ^ 0xFFFFFFFFu;
    }
}
