using System.Security.Cryptography;

namespace DistTrain.Learning;

/// <summary>Size and SHA-256 of the files that one set is read from, one after the other, as they stand on disk.</summary>
internal sealed class SourceBytes : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _bytes;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        _bytes += bytes.Length;
    }

    public DatasetIdentity Identity(string description) => new(description, _bytes, Convert.ToHexStringLower(_hash.GetCurrentHash()));

    public void Dispose() => _hash.Dispose();
}
