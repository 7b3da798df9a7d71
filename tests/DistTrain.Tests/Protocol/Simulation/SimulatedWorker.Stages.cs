using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

// Stages of a pipeline: it keeps the activation that a unit came with until the gradient comes.
internal sealed partial class SimulatedWorker
{
    private readonly Dictionary<(long Lease, TreeNode Unit), (float[] Input, float[] Weights)> _kept = [];

    private (int First, int End) StagesOf(in Message lease)
    {
        var member = ((Crew)lease.Payload!).Members[((Crew)lease.Payload).PlaceOf(Address.Number)];
        return (member.FirstStage, member.FirstStage + member.StageCount);
    }

    private void Forward(Message task, float[]? input)
    {
        var (first, end) = StagesOf(task);
        var (weights, evaluation) = ((float[])[.. _weights], task.Open.Kind == StepKind.Evaluate);
        var cut = evaluation ? World.Scenario.Plan.EvaluationCut : World.Scenario.Plan.Cut(task.Open.Step);
        if (World.Random.Chance(0.001))
        {
            World.Count(FaultKind.UserCodeThrows);
            Answer(new Message { Kind = MessageKind.ComputeFailed, Lease = task.Lease, Text = "division by zero in layer 3" }, Slowness);
            return;
        }
        ulong KeyOf(int sample) => evaluation ? World.Arithmetic.EvaluationKey(sample) : World.Arithmetic.TrainingKey(task.Open.Step, sample);
        var output = World.Arithmetic.Forward(cut, task.Node, KeyOf, first, end, input, weights);
        foreach (var old in _kept.Keys.Where(k => k.Lease != task.Lease).ToList()) _kept.Remove(old);
        if (!evaluation) _kept[(task.Lease, task.Node)] = (input ?? [], weights);
        World.UnitsForward++;
        var answer = new Message { Kind = MessageKind.Forwarded, Lease = task.Lease, Node = task.Node };
        if (end < World.Scenario.Plan.Stages.Length) answer = answer with { Payload = output };
        else if (evaluation)
            for (var i = 0; i < output.Length; i++) answer = answer with { Totals = answer.Totals + Arithmetic.EvaluatedBy(task.Open.Step, KeyOf(cut.Start(task.Node.First) + i), output[i]) };
        Answer(answer, Slowness * task.Node.Count / 2);
    }

    private void Backward(Message task, float[]? outputGradients)
    {
        var (first, end) = StagesOf(task);
        if (!_kept.Remove((task.Lease, task.Node), out var kept)) World.Violate($"{Address} is told to run {task.Node} of lease {task.Lease} back and has not run it");
        World.UnitsBackward++;
        var cut = World.Scenario.Plan.Cut(task.Open.Step);
        var inputGradients = new float[first > 0 ? cut.SamplesOf(task.Node) : 0];
        var gradient = BackwardNode(task, task.Node, cut, first, end, kept.Weights, kept.Input, outputGradients ?? [], inputGradients);
        var milliseconds = Slowness * task.Node.Count / 2;
        if (first > 0) Answer(new Message { Kind = MessageKind.Backwarded, Lease = task.Lease, Node = task.Node, Payload = inputGradients }, milliseconds);
        Answer(new Message { Kind = MessageKind.Computed, Lease = task.Lease, Node = task.Node, Payload = gradient }, milliseconds + 0.001);
    }

    private Gradient? BackwardNode(Message task, TreeNode node, MicroBatches cut, int first, int end, float[] weights, float[] input, float[] outputGradients, float[] inputGradients)
    {
        if (cut.IsAbsent(node)) return null;
        if (!node.IsLeaf)
        {
            var left = BackwardNode(task, node.Left, cut, first, end, weights, input, outputGradients, inputGradients);
            var right = BackwardNode(task, node.Right, cut, first, end, weights, input, outputGradients, inputGradients);
            if (left is null || right is null) return left ?? right;
            left.Add(right);
            return left;
        }
        var (values, counts) = (new float[World.Arithmetic.GradientLength], new int[cut.Count]);
        var (start, length) = (cut.Start(node.First) - cut.Start(task.Node.First), cut.SamplesOf(node));
        Span<float> Part(float[] whole) => whole.Length == 0 ? [] : whole.AsSpan(start, length);
        World.Arithmetic.Leaf(task.Open.Step, node.First, first, end, weights, Part(input), Part(outputGradients), Part(inputGradients), values);
        counts[node.First] = 1;
        return new Gradient(task.Open.Step, values, counts);
    }
}
