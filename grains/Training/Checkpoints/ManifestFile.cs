using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using DistTrain.Learning;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A file of a checkpoint.</summary>
public sealed record CheckpointFile(string Name, long Bytes, string Sha256);

/// <summary>An evaluation after <paramref name="Step"/> steps: sums over its samples.</summary>
public sealed record SavedEvaluation(long Step, double Loss, long Correct, long Samples)
{
    /// <summary>NaN where there is none.</summary>
    [JsonIgnore]
    public double MeanLoss => Samples > 0 ? Loss / Samples : double.NaN;

    /// <summary>NaN where there is none.</summary>
    [JsonIgnore]
    public double Accuracy => Samples > 0 ? (double)Correct / Samples : double.NaN;
}

/// <summary>What makes a set of files a checkpoint: published last, so where it is, all it names is there and durable. JSON, closed by a SHA-256 over itself.</summary>
public sealed record ManifestFile
{
    public const string CurrentFormat = "disttrain-checkpoint/1";
    private const string DigestProperty = "\"manifestSha256\": \"";
    private const string Tail = "\"\n}\n";
    private static readonly string _noDigest = new('0', 64);
    private static readonly JsonSerializerOptions _json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, NewLine = "\n",
    };

    public string Format { get; init; } = CurrentFormat;

    public required string Job { get; init; }

    /// <summary>Of the job: <see cref="ResolvedJob.Identity"/>.</summary>
    public required string Identity { get; init; }

    /// <summary>Of the slice table: <see cref="LayoutHash"/>.</summary>
    public required string LayoutSha256 { get; init; }

    /// <summary>Steps committed.</summary>
    public required long Step { get; init; }

    /// <summary>Updates applied (skipped steps do not count).</summary>
    public required long Updates { get; init; }

    /// <summary>Epochs finished.</summary>
    public required int Epoch { get; init; }

    public required long Incarnation { get; init; }

    /// <summary>Committed records up to here.</summary>
    public required long Records { get; init; }

    /// <summary>Chained digest of those records, as the job keeps it.</summary>
    public required string RecordsDigest { get; init; }

    /// <summary>The newest evaluation; Step -1 where there is none.</summary>
    public SavedEvaluation LastEvaluation { get; init; } = new(-1, 0, 0, 0);

    /// <summary>What all evaluations up to here add up to.</summary>
    public EvaluationTrend Trend { get; init; } = EvaluationTrend.None;

    /// <summary>State vectors of the optimizer, in their order.</summary>
    public required IReadOnlyList<string> States { get; init; }

    /// <summary>One safetensors file for each shard that wrote it; any number of shards reads them.</summary>
    public required IReadOnlyList<CheckpointFile> Shards { get; init; }

    /// <summary>The committed records (<see cref="LossLog"/>).</summary>
    public CheckpointFile LossLog { get; init; } = new("", 0, "");

    /// <summary>Last property, so that everything before it is covered: SHA-256 of this file with these 64 digits as zeros.</summary>
    public string ManifestSha256 { get; init; } = _noDigest;

    public static string LayoutHash(ParameterLayout layout)
    {
        var lines = new StringBuilder();
        foreach (var slice in layout.Slices) lines.Append(slice.Name).Append('\t').Append(slice.Shape.ToString()).Append('\t').Append(slice.Kind).Append('\t').Append(slice.Offset).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())));
    }

    public byte[] ToBytes()
    {
        var text = JsonSerializer.Serialize(this with { ManifestSha256 = _noDigest }, _json) + "\n";
        return Encoding.UTF8.GetBytes(text.Replace(_noDigest + Tail, Digest(text) + Tail, StringComparison.Ordinal));
    }

    /// <exception cref="InvalidDataException">Damaged, or of another format.</exception>
    public static ManifestFile Parse(ReadOnlySpan<byte> bytes)
    {
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (ArgumentException)
        {
            throw new InvalidDataException("it is not UTF-8 text.");
        }
        var at = text.Length - Tail.Length - 64;
        if (at < DigestProperty.Length || !text.EndsWith(Tail, StringComparison.Ordinal) || !text.AsSpan(0, at).EndsWith(DigestProperty, StringComparison.Ordinal))
            throw new InvalidDataException("it does not end in manifestSha256: it is cut short or damaged.");
        var (given, computed) = (text.Substring(at, 64), Digest(string.Concat(text.AsSpan(0, at), _noDigest, Tail)));
        if (given != computed) throw new InvalidDataException($"its digest is {given}. Its text gives {computed}: it is damaged.");
        try
        {
            var manifest = JsonSerializer.Deserialize<ManifestFile>(text, _json)!;
            return manifest.Format == CurrentFormat
                ? manifest
                : throw new InvalidDataException($"its format is {manifest.Format}. This release reads {CurrentFormat}.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"it is not a manifest: {e.Message}");
        }
    }

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
