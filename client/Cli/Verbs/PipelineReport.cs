using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>How a job's model is cut into stages, and what the pipeline costs.</summary>
internal static class PipelineReport
{
    /// <summary>None where the job has no pipeline.</summary>
    public static IEnumerable<string> Lines(PlannedJob plan)
    {
        if (plan.Pipeline is not { } pipeline) yield break;
        var total = Math.Max(1, pipeline.Stages.Sum(s => s.MultiplyAdds));
        yield return string.Create(CultureInfo.InvariantCulture, $"{pipeline.Stages.Count} stages, {TrainVerb.Counted(pipeline.Crews, "crew")}; {TrainVerb.Counted(pipeline.Units, "unit")} of {TrainVerb.Counted(pipeline.UnitMicroBatches, "micro-batch", "es")} a lease; filling and draining {100 * pipeline.BubbleShare:F0} % of the time, waiting for the costliest stage {100 * pipeline.ImbalanceShare:F0} %");
        foreach (var (stage, number) in pipeline.Stages.Select((s, i) => (s, i)))
            yield return string.Create(CultureInfo.InvariantCulture, $"stage {number}: {(stage.Layers.Count > 0 ? string.Join(", ", stage.Layers) : "no layers that learn")}; {stage.Parameters:N0} parameters, {stage.MultiplyAdds:N0} multiply-adds a sample ({100.0 * stage.MultiplyAdds / total:F0} %){(stage.Activations > 0 ? $", passes on {stage.Activations:N0} elements a sample" : "")}");
    }

    public static JsonObject ToJson(PlannedJob plan)
    {
        var pipeline = plan.Pipeline!;
        return new JsonObject
        {
            ["crews"] = pipeline.Crews, ["units"] = pipeline.Units, ["unitMicroBatches"] = pipeline.UnitMicroBatches, ["bubbleShare"] = Math.Round(pipeline.BubbleShare, 4), ["imbalanceShare"] = Math.Round(pipeline.ImbalanceShare, 4),
            ["stages"] = new JsonArray([.. pipeline.Stages.Select(s => new JsonObject
            {
                ["layers"] = new JsonArray([.. s.Layers.Select(l => JsonValue.Create(l))]), ["parameters"] = s.Parameters, ["multiplyAdds"] = s.MultiplyAdds, ["activations"] = s.Activations,
            })]),
        };
    }
}
