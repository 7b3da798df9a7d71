using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A worker's part of a crew's lease, on the worker's thread: runs its units forward and back and keeps what is on its way, for one attempt at a time.</summary>
/// <param name="versions">Of the weights that the computer reads.</param>
internal sealed class StageTasks(ResolvedJob job, StagePools pools, IComputer computer, WeightVersions versions, WorkerHost host) : IDisposable
{
    private readonly Dictionary<(int First, int Count), IStageComputer> _computers = [];
    private readonly Dictionary<TreeNode, NodeGradient> _gradients = [];
    private long _attempt;

    /// <summary>Runs a Forward or Backward effect and answers it.</summary>
    public void Run(in Effect task)
    {
        var message = task.Message;
        var answer = message with { From = Address.Host, To = host.Machine.Address, Payload = null, Placement = null };
        try
        {
            var crew = (Crew)message.Payload!;
            var stages = pools.Plan.Of(crew.Members[crew.PlaceOf(host.Number)]);
            if (!_computers.TryGetValue((stages.First, stages.Count), out var stage)) _computers[(stages.First, stages.Count)] = stage = computer.Stage(stages);
            if (_attempt != message.Lease) Forget();
            _attempt = message.Lease;
            if (!versions.TryRead(message.Open.Step, stages.FirstShard, stages.EndShard, out var weights)) throw new WeightsGoneException(message.Open.Step);
            var entered = ViewOf((HeldVector?)task.Payload);
            if (message.Open.Kind == StepKind.Evaluate) Evaluate(stage, stages, answer, entered, weights);
            else if (task.Kind == EffectKind.Forward) Forward(stage, stages, answer, entered, weights);
            else Backward(stage, stages, answer, entered, weights);
            host.HasWorked = true;
            pools.CountUnit();
        }
        catch (WeightsGoneException)
        {
            host.Post(answer with { Kind = MessageKind.ComputeFailed });
        }
        catch (Exception e) when (e is not WorkerLostException)
        {
            host.Post(answer with { Kind = MessageKind.ComputeFailed, Text = e.ToString() });
        }
        finally
        {
            (task.Payload as IHeld)?.Release();
        }
    }

    public void Dispose() => Forget();

    private void Forward(IStageComputer stage, StageRange stages, in Message answer, View entered, long weights)
    {
        var gradient = _gradients[answer.Node] = pools.Rent(stages);
        var leaving = Rent(SamplesOf(answer) * stages.Leaving(evaluation: false));
        try
        {
            stage.Forward(answer.Step, answer.Node, entered, ViewOf(leaving), gradient.Buffer);
            Check(weights, answer.Step);
        }
        catch
        {
            leaving?.Release();
            throw;
        }
        host.Post(answer with { Kind = MessageKind.Forwarded, Payload = leaving });
    }

    private void Backward(IStageComputer stage, StageRange stages, in Message answer, View entered, long weights)
    {
        if (!_gradients.TryGetValue(answer.Node, out var gradient)) throw new InvalidOperationException($"micro-batches {answer.Node} come back and did not go forward.");
        var entering = Rent(SamplesOf(answer) * stages.Entering(evaluation: false));
        try
        {
            stage.Backward(answer.Step, answer.Node, entered, ViewOf(entering), gradient.Buffer);
            Check(weights, answer.Step);
        }
        catch
        {
            entering?.Release();
            throw;
        }
        _gradients.Remove(answer.Node);
        if (entering is not null) host.Post(answer with { Kind = MessageKind.Backwarded, Payload = entering });
        host.Post(answer with { Kind = MessageKind.Computed, Payload = gradient });
    }

    private void Evaluate(IStageComputer stage, StageRange stages, in Message answer, View entered, long weights)
    {
        var leaving = Rent(new MicroBatches(job.Data.Test.Count, job.EvaluationMicroBatches).SamplesOf(answer.Node) * stages.Leaving(evaluation: true));
        try
        {
            var totals = stage.Evaluate(answer.Step, answer.Node, entered, ViewOf(leaving));
            Check(weights, answer.Step);
            host.Post(answer with { Kind = MessageKind.Forwarded, Payload = leaving, Totals = totals });
        }
        catch
        {
            leaving?.Release();
            throw;
        }
    }

    // What was computed while the weights changed is of no use.
    private void Check(long weights, long version)
    {
        if (!versions.StillHolds(weights)) throw new WeightsGoneException(version);
    }

    private int SamplesOf(in Message answer) => new MicroBatches(job.SamplesOf(answer.Step), job.MicroBatches).SamplesOf(answer.Node);

    private HeldVector? Rent(int elements) => elements > 0 ? pools.Activations.Rent(elements) : null;

    private static View ViewOf(HeldVector? vector) => vector?.View ?? View.None;

    private void Forget()
    {
        foreach (var computer in _computers.Values) computer.Forget();
        foreach (var gradient in _gradients.Values) gradient.Release();
        _gradients.Clear();
    }
}
