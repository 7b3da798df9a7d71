using System.Text.Json;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>What a worker process is told: one line of JSON on its standard input, which then stays open as a sign that its parent lives.</summary>
/// <param name="Endpoint">Where the lane listens: <c>127.0.0.1:41234</c>.</param>
/// <param name="Token">Right to open a stream of the job, base 64.</param>
/// <param name="Number">Of the worker.</param>
/// <param name="Document">From which the job is resolved: <see cref="ResolvedJob.Document"/>.</param>
/// <param name="ComputeThreads">Of the worker's device.</param>
/// <param name="InstructionSet">null = the widest that runs well.</param>
/// <param name="Device">Where it computes, as <see cref="RunOptions.Device"/>.</param>
public sealed record WorkerOrder(string Endpoint, string Token, int Number, string Document, int ComputeThreads, InstructionSet? InstructionSet, string Device = "auto")
{
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
