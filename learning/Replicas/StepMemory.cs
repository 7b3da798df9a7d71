using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What training a network holds resident on one machine, planned from its tape before anything is allocated. Bytes; the data set comes on top.</summary>
/// <param name="Weights">The flat vector: one copy for all workers and shards of a process.</param>
/// <param name="Gradients">Flat gradients in flight: one for a worker that leases the whole step, two for each of several.</param>
/// <param name="OptimizerState">The optimizer's vectors over all shards.</param>
/// <param name="Arena">Values, gradients and nodes' memory of a worker's samples as the memory plan lays them out, over all workers.</param>
/// <param name="Scratch">Packed operands and partial sums of the largest kernels, over all workers and threads.</param>
/// <param name="Runtime">The runtime, its compiled code and its heap.</param>
public sealed record StepMemory(long Weights, long Gradients, long OptimizerState, long Arena, long Scratch, long Runtime)
{
    // A process of this runtime that has compiled a training step but holds no model worth the name: measured, Linux x64.
    private const long RuntimeBytes = 70L << 20;

    /// <summary>The peak resident set.</summary>
    public long Total => Weights + Gradients + OptimizerState + Arena + Scratch + Runtime;

    /// <param name="target">One sample's target.</param>
    /// <param name="batch">Samples of a step.</param>
    /// <param name="workers">Workers of this process; each takes its share of the micro-batches.</param>
    /// <param name="threads">Compute threads of each worker.</param>
    public static StepMemory Of(Network network, Loss loss, Optimizer optimizer, Shape target, TargetKind kind, int batch, int microBatches, int workers = 1, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatches, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        var busy = Math.Min(workers, microBatches);
        var (samples, segments) = ((batch + busy - 1) / busy, (microBatches + busy - 1) / busy);
        using var device = new CpuDevice(1);
        var vector = 4L * network.Layout.Length;
        return new StepMemory(
            vector, vector * ((busy == 1 ? 1 : 2 * busy) + (network.Layout.Sides.Count > 0 ? busy : 0)), vector * optimizer.StateCount,
            busy * Math.Max(Arenas(TapeMode.Training), Arenas(TapeMode.Evaluation)), busy * ScratchBytes(network, threads), RuntimeBytes);

        long Arenas(TapeMode mode)
        {
            var tape = new Tape(device, mode, network.Input, target) { Objective = (loss, kind) };
            var output = network.Record(tape);
            tape.Add(loss.Record(tape, output, kind));
            tape.Finish(output);
            return 4L * new MemoryPlan(tape.Regions, samples, mode == TapeMode.Training ? segments : 1).Total;
        }
    }

    // The largest weight's transformed copy and the partial sums of its gradient (shared by a worker's threads), and for each thread the packed rows of one
    // chunk on both sides of the widest product. Measured beside the six peer models; exact sizes follow from each kernel's blocking.
    private static long ScratchBytes(Network network, int threads)
    {
        var (largest, widest) = (0L, 0L);
        foreach (var parameter in network.Parameters.Where(p => p.Kind == SliceKind.Parameter && p.Shape.Rank > 1))
        {
            largest = Math.Max(largest, parameter.Shape.Length);
            widest = Math.Max(widest, parameter.Shape[0] + parameter.Shape.Length / parameter.Shape[0]);
        }
        return 16 * largest + 4L * 512 * widest * threads;
    }
}
