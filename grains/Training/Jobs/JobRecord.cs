using System.Text.Json;
using System.Text.Json.Nodes;
using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>What a server keeps of a job, so that it is there again when the server is: what was submitted, and how it stood.</summary>
/// <param name="Spec">The spec as it was accepted, as YAML.</param>
/// <param name="Identity">Of the resolved job: its checkpoints carry it.</param>
/// <param name="Starts">Times that it began to train since it last got on.</param>
/// <param name="StartedAt">Steps committed when it last began.</param>
internal sealed record JobRecord(JobSubmission Submission, JobStatus Status, string Spec, string Identity, string CheckpointFolder, RunShape Shape, int Starts, long StartedAt)
{
    private const int Form = 1;

    public string ToJson() => new JsonObject
    {
        ["form"] = Form, ["submission"] = JsonSerializer.SerializeToNode(Submission, ClusterJson.Plain.JobSubmission), ["status"] = JsonSerializer.SerializeToNode(Status, ClusterJson.Plain.JobStatus),
        ["spec"] = Spec, ["identity"] = Identity, ["checkpoints"] = CheckpointFolder, ["classifies"] = Shape.Classifies, ["starts"] = Starts, ["startedAt"] = StartedAt,
    }.ToJsonString();

    /// <exception cref="JsonException">It is no record of a job.</exception>
    public static JobRecord Parse(string text)
    {
        try
        {
            var json = JsonNode.Parse(text)!;
            if ((int)json["form"]! != Form) throw new JsonException($"it has form {json["form"]}. This version reads form {Form}.");
            var status = json["status"].Deserialize(ClusterJson.Plain.JobStatus)!;
            return new JobRecord(json["submission"].Deserialize(ClusterJson.Plain.JobSubmission)!, status, (string)json["spec"]!, (string)json["identity"]!, (string)json["checkpoints"]!,
                new RunShape(status.Name, status.TotalSteps, status.StepsPerEpoch, status.MicroBatches, (bool)json["classifies"]!), (int)json["starts"]!, (long)json["startedAt"]!);
        }
        catch (Exception wrong) when (wrong is InvalidOperationException or ArgumentNullException or NullReferenceException or FormatException)
        {
            throw new JsonException($"it is no record of a job: {wrong.Message}", wrong);
        }
    }
}
