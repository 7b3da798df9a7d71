using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>What a repetition draws anew.</summary>
public enum Redraw
{
    /// <summary>The training samples, with replacement from the set that there is: for any data.</summary>
    Bootstrap,

    /// <summary>The data themselves, by the job's seed: for formats that make them.</summary>
    Data,
}

/// <summary>A job that is trained again and again on other draws of its data, and what the models say of its test set: what a study of bias and variance stands on.</summary>
public static class RepeatedTraining
{
    /// <summary>Each member's outputs on the test set, [members][points · outputs]; where targets are classes, softmax probabilities.</summary>
    /// <param name="jobs">Each member's job, its data, seed and sampling as it is to be trained; all have one test set.</param>
    /// <param name="threads">Members at a time; no number depends on it.</param>
    /// <param name="trained">Told of each member that is ready, from its thread.</param>
    /// <exception cref="InvalidOperationException">A member failed.</exception>
    public static double[][] Predictions(IReadOnlyList<ResolvedJob> jobs, int threads, Action<int, TrainingResult>? trained = null, CancellationToken cancellation = default)
    {
        var (found, failures, next) = (new double[jobs.Count][], new List<Exception>(), 0);
        void Work()
        {
            for (int member; (member = Interlocked.Increment(ref next) - 1) < jobs.Count && !cancellation.IsCancellationRequested;)
            {
                try
                {
                    found[member] = Of(jobs[member], result => trained?.Invoke(member, result), cancellation);
                }
                catch (Exception failed)
                {
                    lock (failures) failures.Add(failed);
                    return;
                }
            }
        }
        var others = Enumerable.Range(1, Math.Max(0, Math.Min(threads, jobs.Count) - 1)).Select(i => new Thread(Work) { IsBackground = true, Name = $"member {i}" }).ToArray();
        foreach (var thread in others) thread.Start();
        Work();
        foreach (var thread in others) thread.Join();
        cancellation.ThrowIfCancellationRequested();
        return failures.Count == 0 ? found : throw new InvalidOperationException($"a member could not be trained: {failures[0].Message}", failures[0]);
    }

    /// <summary>The test set's targets as predictions are compared with them: values, or 1 for the class and 0 for the others; and how many stand for one point.</summary>
    public static (double[] Targets, int Outputs) Targets(Dataset test)
    {
        var labels = test.TargetKind == TargetKind.Labels;
        var outputs = test.TargetShape.Length * (labels ? test.Classes : 1);
        var (targets, input, target) = (new double[(long)test.Count * outputs], new float[test.InputShape.Length], new int[test.TargetShape.Length]);
        for (var i = 0; i < test.Count; i++)
        {
            test.Read(i, input, target);
            for (var k = 0; k < target.Length; k++)
                if (labels) targets[(i * target.Length + k) * test.Classes + target[k]] = 1;
                else targets[i * outputs + k] = BitConverter.Int32BitsToSingle(target[k]);
        }
        return (targets, outputs);
    }

    private static double[] Of(ResolvedJob job, Action<TrainingResult> trained, CancellationToken cancellation)
    {
        using var device = new CpuDevice(1);
        var trainer = new LocalTrainer(job, device);
        var result = trainer.Run(cancellation: cancellation);
        if (result.Status == TrainingStatus.Failed) throw new InvalidOperationException(result.Error);
        trained(result);
        using var replica = job.MakeReplica(device);
        var test = job.Data.Test;
        var classes = test.TargetKind == TargetKind.Labels && test.TargetShape.Length == 1;
        var (input, target, all) = (new float[test.InputShape.Length], new int[test.TargetShape.Length], new List<double>());
        var outputs = classes ? test.Classes : test.TargetShape.Length;
        var ensemble = new Ensemble([(replica, trainer.Weights.View)], outputs, classes);
        for (var i = 0; i < test.Count; i++)
        {
            test.Read(i, input, target);
            all.AddRange(ensemble.Predict([input]));
        }
        trainer.Weights.Dispose();
        trainer.States.Dispose();
        return [.. all];
    }
}
