using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Contracts;
using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>Options that are allowed one by one and together do what nobody means.</summary>
internal static class LikelyMistakes
{
    // Of these schedules the warm-up is the first option, which may stand without its name.
    private static readonly string[] _warmupFirst = ["constant", "cosine", "linear", "inverseRoot"];

    public static IEnumerable<SpecProblem> Of(JobFile file, Network network, Dataset train)
    {
        var spec = file.Spec;
        var (loss, last) = (spec.Loss.Name, network.Layers[^1]);
        if (loss == "crossEntropy" && (last.Kind is "softmax" or "logSoftmax"))
            yield return file.Problem("spec.model", $"ends with {last.Kind}, and the loss is crossEntropy, which takes a softmax itself. {(last.Kind == "softmax" ? "Of one that stands already it makes flat gradients" : "A second one changes nothing")}. Leave the layer out: predictions have a softmax all the same.");
        if (loss == "binaryCrossEntropy" && last.Kind == "sigmoid")
            yield return file.Problem("spec.model", "ends with sigmoid, and the loss is binaryCrossEntropy, which takes a sigmoid itself. Of one that stands already it makes flat gradients. Leave the layer out.");
        if (loss == "crossEntropy" && Number(spec.Loss, "ignoreIndex") is { } ignored && (ignored < 0 || ignored >= train.Classes))
            yield return file.Problem("spec.loss.ignoreIndex", Text($"is {ignored}. No sample has that label: they are 0 to {train.Classes - 1}, so it changes nothing. Name one of them, or leave it out."));
        foreach (var problem in OfSchedule(file, train)) yield return problem;
        if (spec.Optimizer.Name is not ("momentum" or "nesterov")) yield break;
        if (Number(spec.Optimizer, "muStart") is { } start && Number(spec.Optimizer, "mu") is var mu && start > (mu ?? 0.9))
            yield return file.Problem("spec.optimizer.muStart", Text($"is {start}, above mu, {mu ?? 0.9}. The momentum then falls from its start on; it is meant to grow. Use a smaller muStart, or a larger mu."));
        if (Number(spec.Optimizer, "dampening") is 1)
            yield return file.Problem("spec.optimizer.dampening", "is 1. Only the first step's gradient then enters the velocity, and no later one is learned from. Use a smaller one, such as 0.");
    }

    private static IEnumerable<SpecProblem> OfSchedule(JobFile file, Dataset train)
    {
        var (schedule, training) = (file.Spec.Schedule, file.Spec.Training);
        var steps = ((long)train.Count + training.BatchSize - 1) / training.BatchSize * training.Epochs;
        var warmup = Number(schedule, "warmupSteps", _warmupFirst.Contains(schedule.Name)) ?? (schedule.Name == "inverseRoot" ? 4000 : 0);
        if (warmup >= steps)
            yield return file.Problem("spec.schedule.warmupSteps", Text($"is {warmup}, and the job has {steps} steps: the rate never reaches spec.optimizer.lr. Use a shorter warm-up, or more epochs."));
        if (schedule.Name != "multiStep" || (schedule.Options?["milestones"] ?? schedule.Options?[""]) is not JsonArray given) yield break;
        var milestones = given.Select(m => Value(m) ?? 0).ToArray();
        var beyond = milestones.Where(m => m >= training.Epochs).ToArray();
        if (beyond.Length > 0)
            yield return file.Problem("spec.schedule.milestones", Text($"has {string.Join(", ", beyond)}, and the job has {training.Epochs} epoch{(training.Epochs == 1 ? "" : "s")}, counted from 0: the rate does not drop there. Use epochs below {training.Epochs}."));
        if (milestones.Zip(milestones.Skip(1)).Any(pair => pair.First >= pair.Second))
            yield return file.Problem("spec.schedule.milestones", Text($"is {string.Join(", ", milestones)}, not ascending. The rate drops at each of them, whatever their order{(milestones.Distinct().Count() < milestones.Length ? ", twice where one stands twice" : "")}. Write them in the order in which they come."));
    }

    private static double? Number(ComponentSpec component, string option, bool first = false) => Value(component.Options?[option] ?? (first ? component.Options?[""] : null));

    private static double? Value(JsonNode? node) => node is JsonValue value ? value.TryGetValue(out double number) ? number : double.TryParse(value.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number) ? number : null : null;

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
