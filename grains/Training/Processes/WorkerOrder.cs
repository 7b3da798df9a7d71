using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>What a worker process is told: one line of JSON on its standard input, which then stays open as a sign that its parent lives.</summary>
/// <param name="Endpoint">Where the lane listens: <c>127.0.0.1:41234</c>.</param>
/// <param name="Key">The key of the parent's lane, base 64: drawn for this run, told to nobody else.</param>
/// <param name="Number">Of the worker.</param>
/// <param name="Document">From which the job is resolved: <see cref="ResolvedJob.Document"/>.</param>
/// <param name="ComputeThreads">Of the worker's device.</param>
/// <param name="InstructionSet">null = the widest that runs well.</param>
/// <param name="Device">Where it computes, as <see cref="RunOptions.Device"/>.</param>
public sealed record WorkerOrder(string Endpoint, string Key, int Number, string Document, int ComputeThreads, InstructionSet? InstructionSet, string Device = "auto")
{
    /// <summary>The parent's name on the lane.</summary>
    public const string ParentName = "parent";

    /// <summary>The worker's name on the lane.</summary>
    [JsonIgnore]
    public string Name => $"worker {Number}";

    /// <summary>With what the worker opens its stream: its number (4 bytes, little-endian), then what it will compute.</summary>
    public byte[] Greeting(ResolvedJob job)
    {
        var identity = Encoding.UTF8.GetBytes(IdentityOf(job));
        var greeting = new byte[sizeof(int) + identity.Length];
        BinaryPrimitives.WriteInt32LittleEndian(greeting, Number);
        identity.CopyTo(greeting, sizeof(int));
        return greeting;
    }

    public string ToLine() => JsonSerializer.Serialize(this);

    /// <exception cref="InvalidDataException">Not an order.</exception>
    public static WorkerOrder Parse(string? line)
    {
        try
        {
            return JsonSerializer.Deserialize<WorkerOrder>(line ?? "") ?? throw new InvalidDataException("the order is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"standard input does not begin with an order: {e.Message} A worker process is started by the command, not by hand.", e);
        }
    }

    /// <summary>What both sides must agree on before anything is computed.</summary>
    public static string IdentityOf(ResolvedJob job) => $"{job.Identity} {ManifestFile.LayoutHash(job.Layout)[..16]} {job.Data.Train.Identity.Sha256}";
}
