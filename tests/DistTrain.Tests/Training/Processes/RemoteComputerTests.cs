using DistTrain.Kernels;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

/// <summary>A worker process as its parent uses it; the test is the other end of the lane.</summary>
public sealed class RemoteComputerTests : IDisposable
{
    private const int Length = 3_000_000;
    private static readonly byte[] _key = LaneToken.NewClusterKey();
    private readonly CpuDevice _device = new(1);
    private readonly DeviceBuffer _weights;
    private readonly DeviceBuffer _gradient;
    private readonly VectorPool _pool;
    private readonly WeightVersions _versions = new(1);
    private readonly WeightCopies _copies;
    private readonly WorkerTasks _tasks = new();
    private readonly LanePeer _near;
    private readonly LanePeer _far;
    private readonly LaneStream _answers;
    private readonly RemoteComputer _computer;
    private readonly FarRole _role;
    private readonly Task _answering;
    private Func<WorkerTask, WorkerTask?> _answer = task => task;
    private View _sent;

    public RemoteComputerTests()
    {
        (_weights, _gradient, _pool, _role) = (_device.Allocate(Length), _device.Allocate(Length), new VectorPool(_device), new FarRole(_device));
        _copies = new WeightCopies(_weights.View, _versions, _pool);
        var near = new Near();
        _near = new LanePeer(new LanePeerOptions("parent", _key, _device), near);
        _far = new LanePeer(new LanePeerOptions("worker 0", _key, _device) { Listen = null }, _tasks);
        _answers = _far.Connect(_near.Endpoint, "parent").Open("mnist", _far.TokenFor("mnist", DateTimeOffset.UtcNow.AddMinutes(1)), []);
        // Any process that stays until its input ends.
        var idle = OperatingSystem.IsWindows() ? new WorkerLaunch("cmd", ["/c", "more"]) : new WorkerLaunch("cat", []);
        _computer = new RemoteComputer(near.Opened!, new ChildProcess(idle, new WorkerOrder("", "", 0, "", 1, null), _ => { }), 0, Length, 1, _copies);
        _tasks.Become(_role);
        _answering = Task.Run(AnswerAll);
    }

    public void Dispose()
    {
        _computer.Dispose();
        Assert.True(_answering.Wait(TimeSpan.FromSeconds(30)), "the other end did not finish within 30 s");
        _far.Dispose();
        _near.Dispose();
        _copies.Dispose();
        _pool.Dispose();
        _gradient.Dispose();
        _weights.Dispose();
        _role.Dispose();
        _device.Dispose();
    }

    [Fact]
    public async Task Weights_are_sent_once_and_again_when_the_same_version_has_other_elements()
    {
        Commit(7, 1);
        Assert.Equal((Length, 1f, 1f), await Evaluation(7));
        Assert.Equal((0, 1f, 1f), await Evaluation(7));
        // Rolled back, and at version 7 again on another past.
        Commit(6, 2);
        Commit(7, 3);
        Assert.Equal((Length, 3f, 3f), await Evaluation(7));
    }

    [Fact]
    public void Weights_of_a_version_that_is_gone_are_not_sent_and_nothing_is_asked()
    {
        Commit(8, 1);
        Assert.Throws<WeightsGoneException>(() => _computer.Evaluate(7, TreeNode.Leaf(0)));
        Assert.Equal(5, _computer.Evaluate(8, TreeNode.Leaf(0)).Samples);
    }

    [Fact]
    public void A_gradient_is_read_into_its_place()
    {
        Commit(7, 1);
        using var sent = _device.Allocate(Length);
        for (var i = 0; i < Length; i++) sent.View.AsSpan()[i] = i;
        _sent = sent.View;
        _computer.Gradient(7, new TreeNode(4, 2), _gradient);
        Assert.True(sent.View.AsSpan().SequenceEqual(_gradient.View.AsSpan()));
    }

    [Fact]
    public void What_was_thrown_there_is_thrown_here_and_the_next_task_goes_on()
    {
        Commit(7, 1);
        var fail = true;
        _answer = task => fail ? task with { Kind = WorkerTaskKind.Failed } : task;
        Assert.Contains("worker 0: a sample could not be read", Assert.Throws<InvalidOperationException>(() => _computer.Evaluate(7, TreeNode.Leaf(0))).Message, StringComparison.Ordinal);
        fail = false;
        Assert.Equal(5, _computer.Evaluate(7, TreeNode.Leaf(0)).Samples);
    }

    [Fact]
    public void An_answer_to_another_task_ends_the_link()
    {
        Commit(7, 1);
        _answer = task => task.Kind == WorkerTaskKind.Become ? task : task with { Step = 8 };
        Assert.Throws<WorkerLostException>(() => _computer.Evaluate(7, TreeNode.Leaf(0)));
        Assert.Throws<WorkerLostException>(() => _computer.Evaluate(7, TreeNode.Leaf(0)));
    }

    [Fact]
    public void An_answer_of_another_length_ends_the_link()
    {
        Commit(7, 1);
        using var sent = _device.Allocate(Length - 1);
        _sent = sent.View;
        Assert.Throws<WorkerLostException>(() => _computer.Gradient(7, new TreeNode(4, 2), _gradient));
    }

    [Fact]
    public async Task Who_waits_is_let_go_when_the_run_is_over()
    {
        Commit(7, 1);
        using var asked = new ManualResetEventSlim();
        _answer = task =>
        {
            asked.Set();
            return null;
        };
        var waiting = Task.Run(() => _computer.Evaluate(7, TreeNode.Leaf(0)));
        Assert.True(asked.Wait(TimeSpan.FromSeconds(30)), "nothing was asked within 30 s");
        _computer.LetGo();
        await Assert.ThrowsAsync<WorkerLostException>(() => waiting);
    }

    private void Commit(long version, float value)
    {
        _versions.Begin(0);
        _weights.View.AsSpan().Fill(value);
        _versions.End(0, version);
    }

    // How many weights came with it, and what the other side holds then.
    private async Task<(int Weights, float First, float Last)> Evaluation(long version)
    {
        var weights = 0;
        _answer = task =>
        {
            weights += task.Weights;
            return task;
        };
        var evaluation = Task.Run(() => _computer.Evaluate(version, TreeNode.Leaf(0)));
        Assert.Equal(5, (await evaluation).Samples);
        return (weights, _role.Weights.AsSpan()[0], _role.Weights.AsSpan()[Length - 1]);
    }

    // The other end, until its parent leaves.
    private void AnswerAll()
    {
        while (_tasks.Take() is { } task && task.Kind != WorkerTaskKind.Leave)
        {
            if (_answer(task) is not { } said) continue;
            said = said with { Weights = 0, Totals = new EvaluationTotals(1, 2, 5) };
            if (said.Kind == WorkerTaskKind.Failed) _answers.Post(said.WithText("a sample could not be read"));
            else
            {
                var control = new byte[WorkerTask.Bytes];
                (said with { Gradient = _sent.Length }).Write(control);
                _answers.Send(control, task.Kind == WorkerTaskKind.Gradient ? [_sent] : []);
            }
        }
    }

    private sealed class FarRole(Device device) : IWorkerRole
    {
        private readonly DeviceBuffer _weights = device.Allocate(Length);

        public View Weights => _weights.View;

        public bool IsAsked(in WorkerTask become) => true;

        public int PlacesFor(in WorkerTask task, Span<View> places)
        {
            places[0] = Weights;
            return 1;
        }

        public WorkerTask Compute(in WorkerTask task, out View activation, out View gradient) => throw new NotSupportedException();

        public void Forget()
        {
        }

        public void Dispose() => _weights.Dispose();
    }

    /// <summary>As the parent of worker processes passes on what comes.</summary>
    private sealed class Near : ILaneReceiver
    {
        public LaneStream? Opened { get; private set; }

        public string? Opening(LaneStream stream, ReadOnlySpan<byte> greeting)
        {
            Opened = stream;
            return null;
        }

        public int PlacesFor(LaneStream stream, ReadOnlySpan<byte> control, int payloadBytes, Span<View> places) => ((RemoteComputer)stream.Tag!).PlacesFor(control, places);

        public void Received(LaneStream stream, LaneMessage message) => ((RemoteComputer)stream.Tag!).Answered(message);

        public void Closed(LaneStream stream, string why) => ((RemoteComputer?)stream.Tag)?.Closed(why);
    }
}
