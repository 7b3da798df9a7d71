using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>The networks of more runs, of one input and output with the first's; they may be of other models.</summary>
internal sealed class EnsembleMembers : IDisposable
{
    private readonly List<IDisposable> _held = [];
    private readonly List<(IReplica Replica, View Weights)> _members = [];

    /// <exception cref="CommandException">A run takes or gives something else.</exception>
    public EnsembleMembers(PlannedJob first, IEnumerable<string> runs)
    {
        foreach (var run in runs)
        {
            var place = CheckpointPlace.Find(run);
            var plan = JobPlanner.Plan(place.Job(), shardsMatter: false);
            if (plan.Network.Input != first.Network.Input || plan.Network.Output != first.Network.Output)
                throw new CommandException(ExitCode.Usage, $"--with {run} takes {plan.Network.Input} and gives {plan.Network.Output}. It must take {first.Network.Input} and give {first.Network.Output}, as the first run does.");
            var weights = place.Weights(plan).Weights;
            var device = new CpuDevice(1);
            var buffer = device.Allocate(weights.Length);
            buffer.Write(0, weights);
            var replica = plan.Job.MakeReplica(device);
            _held.AddRange([replica, buffer, device]);
            _members.Add((replica, buffer.View));
        }
    }

    public IReadOnlyList<(IReplica Replica, View Weights)> Members => _members;

    public void Dispose()
    {
        foreach (var held in _held) held.Dispose();
    }
}
