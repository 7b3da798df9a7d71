using System.Net;
using DistTrain.Kernels;

namespace DistTrain.Training;

/// <summary>The inside of a worker process: takes tasks from the lane, answers them, and ends when its parent does.</summary>
public static class WorkerProcess
{
    /// <summary>Ended in good order.</summary>
    public const int Done = 0;

    /// <summary>Could not work; standard error says why.</summary>
    public const int Failed = 1;

    /// <summary>The parent is gone.</summary>
    public const int Orphaned = 3;

    // The parent's end shows on standard input and by its closed connection; that it stands still for a while ends nothing.
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _silence = TimeSpan.FromDays(1);
    private static readonly TimeSpan _tokenLife = TimeSpan.FromMinutes(5);

    /// <summary>Runs until the parent says goodbye or is gone.</summary>
    /// <param name="resolve">From the order's document to the job.</param>
    /// <param name="input">Standard input.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(Func<string, ResolvedJob> resolve, TextReader input, TextWriter errors)
    {
        try
        {
            var order = WorkerOrder.Parse(input.ReadLine());
            // Whatever this process is doing then: without its parent nobody wants it.
            new Thread(() =>
            {
                while (input.ReadLine() is not null) { }
                Environment.Exit(Orphaned);
            }) { IsBackground = true, Name = "parent" }.Start();
            return Work(order, resolve(order.Document));
        }
        catch (Exception e)
        {
            errors.WriteLine(e);
            return Failed;
        }
    }

    private static int Work(WorkerOrder order, ResolvedJob job)
    {
        using var device = new CpuDevice(order.ComputeThreads, order.InstructionSet);
        var tasks = new WorkerTasks();
        var options = new LanePeerOptions(order.Name, Convert.FromBase64String(order.Key), device) { Listen = null, Patience = _patience, Silence = _silence, MaxPayloadBytes = int.MaxValue };
        using var peer = new LanePeer(options, tasks);
        var stream = peer.Connect(IPEndPoint.Parse(order.Endpoint), WorkerOrder.ParentName).Open(job.Name, peer.TokenFor(job.Name, options.Time.GetUtcNow() + _tokenLife), order.Greeting(job));
        IWorkerRole? role = null;
        try
        {
            while (tasks.Take() is { } task)
            {
                if (task.Kind == WorkerTaskKind.Leave) return Done;
                Answer(order, job, device, tasks, ref role, task, stream);
            }
            return Orphaned;
        }
        finally
        {
            tasks.Become(null);
            role?.Dispose();
        }
    }

    private static void Answer(WorkerOrder order, ResolvedJob job, Device device, WorkerTasks tasks, ref IWorkerRole? role, in WorkerTask task, LaneStream stream)
    {
        try
        {
            if (task.Kind == WorkerTaskKind.Become)
            {
                Become(order, job, device, tasks, ref role, task);
                Send(stream, task, View.None, View.None);
                return;
            }
            var answer = (role ?? throw new InvalidOperationException("the worker was not told what to run.")).Compute(task, out var activation, out var gradient);
            Send(stream, answer, activation, gradient);
        }
        catch (Exception e)
        {
            stream.Post((task with { Kind = WorkerTaskKind.Failed, Weights = 0, Activation = 0 }).WithText(e.ToString()));
        }
    }

    private static void Become(WorkerOrder order, ResolvedJob job, Device device, WorkerTasks tasks, ref IWorkerRole? role, in WorkerTask task)
    {
        if (role is not null && role.IsAsked(task))
        {
            role.Forget();
            return;
        }
        tasks.Become(null);
        role?.Dispose();
        role = null;
        if (task.Stages > 0)
        {
            var plan = PipelinePlan.Of(job, task.Stages, task.Stages);
            if (task.First < 0 || task.Count < 1 || task.First > plan.Stages.Length - task.Count) throw new InvalidOperationException($"a worker is to run stages {task.First} to {task.First + task.Count - 1} of {plan.Stages.Length}.");
            role = new StagesRole(order, job, new StageRange(plan, task.First, task.Count), device);
        }
        else role = new WholeModelRole(order, job, device);
        tasks.Become(role);
    }

    private static void Send(LaneStream stream, in WorkerTask answer, View activation, View gradient)
    {
        Span<byte> control = stackalloc byte[WorkerTask.Bytes];
        answer.Write(control);
        if (activation.Length > 0 && gradient.Length > 0) stream.Send(control, [activation, gradient]);
        else if (activation.Length > 0) stream.Send(control, [activation]);
        else if (gradient.Length > 0) stream.Send(control, [gradient]);
        else stream.Send(control, []);
    }
}
