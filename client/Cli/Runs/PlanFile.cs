using System.Text.Json.Nodes;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>The resolved job as JSON: what decides the bits, and the numbers that follow from it.</summary>
internal static class PlanFile
{
    public static JsonObject Of(PlannedJob plan)
    {
        var job = plan.Job;
        return new JsonObject
        {
            ["identity"] = job.Identity,
            ["decides"] = JobPlanner.WhatDecides(plan.Spec, job.MicroBatches),
            ["microBatches"] = job.MicroBatches,
            ["stepsPerEpoch"] = job.StepsPerEpoch,
            ["totalSteps"] = job.TotalSteps,
            ["parameters"] = job.Layout.ParameterCount,
            ["blocks"] = job.Layout.Blocks.Count,
            ["data"] = new JsonObject { ["train"] = Data(job.Data.Train), ["test"] = Data(job.Data.Test) },
        };
    }

    private static JsonObject Data(Learning.Dataset data) => new()
    {
        ["description"] = data.Identity.Description, ["samples"] = data.Count, ["bytes"] = data.Identity.Bytes, ["sha256"] = data.Identity.Sha256,
    };
}
