using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DistTrain.Contracts;

namespace DistTrain.Grains;

/// <summary>A job as it was accepted.</summary>
/// <param name="Job">Its id: the name, and eight hex digits of SHA-256 over the submission's id.</param>
/// <param name="Submission">The client's id.</param>
/// <param name="Document">The spec with every default, as JSON.</param>
/// <param name="Spec">The same as YAML.</param>
public sealed record JobEntry(string Job, string Submission, string Name, string Document, string Spec, DateTimeOffset Submitted)
{
    // Losses before the first evaluation are NaN.
    private static readonly JsonSerializerOptions _json = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public static string IdOf(string name, string submission) => $"{name}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(submission)))[..8]}";

    public string ToText() => JsonSerializer.Serialize(this);

    public static JobEntry Parse(StoredText stored) => JsonSerializer.Deserialize<JobEntry>(stored.Text) ?? throw new InvalidDataException($"the entry of {stored.Key} is empty.");

    public static string ToText(JobStatus end) => JsonSerializer.Serialize(end, _json);

    public static JobStatus ParseEnd(StoredText stored) => JsonSerializer.Deserialize<JobStatus>(stored.Text, _json) ?? throw new InvalidDataException($"the end of {stored.Key} is empty.");
}
