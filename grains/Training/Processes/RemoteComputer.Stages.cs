using DistTrain.Kernels;
using DistTrain.Protocol;

namespace DistTrain.Training;

// Stages of a pipeline in a worker process: activations go there and come back with task and answer, and of the weights only those of its stages.
internal sealed partial class RemoteComputer
{
    public IStageComputer Stage(StageRange stages) => new RemoteStages(this, stages);

    private EvaluationTotals Take(StageRange stages, WorkerTask task, View given, View got, View gradient)
    {
        Become((stages.Plan.Stages.Length, stages.First, stages.Count));
        return Ask(WithWeights(task with { Activation = given.Length, Gradient = gradient.Length }, stages.Offset, stages.Length, stages.FirstShard, stages.EndShard), given, got, gradient).Totals;
    }

    // A process has the memory of what it runs, and of nothing else.
    private void Become((int Stages, int First, int Count) role)
    {
        if (_hasRole && _role == role) return;
        _hasRole = false;
        if (_role != role) _sent = -1;
        Ask(new WorkerTask(WorkerTaskKind.Become, 0, default, role.Stages, role.First, role.Count), View.None, View.None, View.None);
        (_hasRole, _role) = (true, role);
    }

    private sealed class RemoteStages(RemoteComputer computer, StageRange stages) : IStageComputer
    {
        public void Forward(long step, TreeNode unit, View entering, View leaving, DeviceBuffer gradient) =>
            computer.Take(stages, new WorkerTask(WorkerTaskKind.Forward, step, unit), entering, leaving, View.None);

        public void Backward(long step, TreeNode unit, View leaving, View entering, DeviceBuffer gradient) =>
            computer.Take(stages, new WorkerTask(WorkerTaskKind.Backward, step, unit), leaving, entering, gradient.View);

        public EvaluationTotals Evaluate(long version, TreeNode leaf, View entering, View leaving) =>
            computer.Take(stages, new WorkerTask(WorkerTaskKind.EvaluateStages, version, leaf), entering, leaving, View.None);

        /// <summary>Becoming the same again makes the process forget.</summary>
        public void Forget() => computer._hasRole = false;

        public void Dispose()
        {
        }
    }
}
