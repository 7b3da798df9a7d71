using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Training;

namespace DistTrain.Cli;

/// <summary>How a run ended, in the stable form of <c>train -o json</c> and <c>result.json</c>.</summary>
internal static class RunResult
{
    public static JsonObject ToJson(TrainingResult result, string run, string? verified, Verdict verdict)
    {
        var json = new JsonObject
        {
            ["status"] = result.Status.ToString().ToLowerInvariant(),
            ["epochs"] = result.Epochs,
            ["steps"] = result.Steps,
            ["stepsThisRun"] = result.StepsThisRun,
            ["seconds"] = Terminal.Finite(result.Seconds, 3),
            ["samplesPerSecond"] = Terminal.Finite(result.SamplesPerSecond, 1),
            ["trainLoss"] = Terminal.Finite(result.TrainLoss),
            ["testLoss"] = Terminal.Finite(result.TestLoss),
            ["testAccuracy"] = Terminal.Finite(result.TestAccuracy),
            ["weightsSha256"] = result.WeightsSha256,
            ["stateSha256"] = result.StateSha256,
            ["lossLogSha256"] = result.LossLogSha256,
            ["verdict"] = verdict.Name,
            ["workers"] = result.Workers,
            ["shards"] = result.Shards,
            ["microBatches"] = result.MicroBatches,
            ["checkpoint"] = result.Checkpoint,
            ["checkpointVerified"] = result.Checkpoint.Length > 0 && verified is null,
            ["run"] = run,
            ["warnings"] = new JsonArray([.. result.Warnings.Select(w => JsonValue.Create(w))]),
        };
        if (result is { Status: TrainingStatus.Failed, Error: not null }) json["error"] = result.Error;
        return json;
    }
}
