using System.Globalization;
using DistTrain.Contracts;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A wait of a machine in one sentence for people.</summary>
internal static class WaitText
{
    /// <param name="now">On the clock of the machine's host.</param>
    /// <param name="node">Where the machine is; empty where that goes without saying.</param>
    public static WaitReport Of(in Wait wait, TimeSpan now, string node)
    {
        var (who, from) = (node.Length > 0 ? $"{wait.Who} on {node}" : wait.Who.ToString(), wait.From.ToString());
        var what = What(wait, from);
        var seconds = Math.Max(0, (now - wait.Since).TotalSeconds);
        var deadline = wait.Deadline == TimeSpan.MaxValue ? double.PositiveInfinity : Math.Max(0, (wait.Deadline - now).TotalSeconds);
        var end = double.IsFinite(deadline) ? string.Create(CultureInfo.InvariantCulture, $"; given up in {deadline:F1} s") : "";
        return new WaitReport(who, what, from, seconds, deadline, string.Create(CultureInfo.InvariantCulture, $"{who} waits for {what} ({seconds:F1} s){end}"));
    }

    private static string What(in Wait wait, string from) => wait.Kind switch
    {
        WaitKind.Welcome => "the job to welcome it",
        WaitKind.Work => "work",
        WaitKind.Computation => $"its computation of micro-batches {wait.Node} of step {wait.Step}",
        WaitKind.Weights => $"the weights of version {wait.Step} from {from}",
        WaitKind.Answers => $"{from} to take micro-batches {wait.Node} of step {wait.Step}",
        WaitKind.Activation => $"the activations of micro-batches {wait.Node} of step {wait.Step} from {from}",
        WaitKind.ActivationGradient => $"the activation gradients of micro-batches {wait.Node} of step {wait.Step} from {from}",
        WaitKind.Adoption => "a shard to hold",
        WaitKind.Restore => $"the state of version {wait.Step} from {from}",
        WaitKind.Opening => $"the job to open what follows step {wait.Step}",
        WaitKind.Gradients => $"the gradient of step {wait.Step}",
        WaitKind.Norms => $"the norms of step {wait.Step}",
        WaitKind.Replica => $"{from}, its replica, to hold the gradient of step {wait.Step}",
        WaitKind.Version => $"version {wait.Step} at {from}",
        WaitKind.Leases => $"micro-batches {wait.Node} of step {wait.Step} from {from}",
        WaitKind.Reduction => $"{from} to complete the gradient of step {wait.Step}",
        _ => $"{wait.Kind} of step {wait.Step} from {from}",
    };
}
