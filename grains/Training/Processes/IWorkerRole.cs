using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>What a worker process runs at a time, with the memory for it. Its thread makes it, computes with it and disposes of it.</summary>
internal interface IWorkerRole : IDisposable
{
    /// <summary>The task asks to become what it is already.</summary>
    bool IsAsked(in WorkerTask become);

    /// <summary>Where weights and activation of a task go; asked by the lane's thread while the role computes nothing.</summary>
    /// <returns>How many places.</returns>
    /// <exception cref="LaneFormatException">The task is not for this role.</exception>
    int PlacesFor(in WorkerTask task, Span<View> places);

    /// <param name="activation">What goes back first.</param>
    /// <param name="gradient">And after it. Both stay as they are until the next task.</param>
    /// <returns>The answer.</returns>
    WorkerTask Compute(in WorkerTask task, out View activation, out View gradient);

    /// <summary>What is under way is not wanted any more.</summary>
    void Forget();
}

/// <summary>The whole model.</summary>
internal sealed class WholeModelRole(WorkerOrder order, ResolvedJob job, Device cpu) : IWorkerRole
{
    private readonly DeviceBuffer _weights = cpu.Allocate(job.Layout.Length);
    private readonly DeviceBuffer _gradient = cpu.Allocate(job.Layout.Length);
    private IComputer? _computer;

    public bool IsAsked(in WorkerTask become) => become.Stages == 0;

    public int PlacesFor(in WorkerTask task, Span<View> places)
    {
        if (task.Weights != _weights.Length || task.Activation != 0) throw new LaneFormatException($"{task.Weights} weights and {task.Activation} elements of activation come to a worker of a whole model of {_weights.Length} weights.");
        places[0] = _weights.View;
        return 1;
    }

    public WorkerTask Compute(in WorkerTask task, out View activation, out View gradient)
    {
        (activation, gradient) = (View.None, View.None);
        _computer ??= IComputer.Make(job, order.Device, cpu, _weights.View);
        switch (task.Kind)
        {
            case WorkerTaskKind.Gradient:
                _computer.Gradient(task.Step, task.Node, _gradient);
                gradient = _gradient.View;
                return task with { Weights = 0, Gradient = gradient.Length };
            case WorkerTaskKind.Evaluate:
                return task with { Weights = 0, Totals = _computer.Evaluate(task.Step, task.Node) };
            default:
                throw new InvalidOperationException($"a worker of the whole model is asked for {task.Kind}. It must be Gradient or Evaluate.");
        }
    }

    public void Forget()
    {
    }

    public void Dispose()
    {
        _computer?.Dispose();
        _gradient.Dispose();
        _weights.Dispose();
    }
}
