using DistTrain.Contracts;
using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>Looks at a network's units after each evaluation, on a fixed part of the test set and a device of its own: which are zero on every sample. Weights are read, nothing is changed.</summary>
internal sealed class UnitWatch : IDisposable
{
    private const int MostSamples = 256;

    private readonly View _weights;
    private readonly float[] _inputs;
    private readonly int _samples;
    private readonly CpuDevice _device = new(1);
    private readonly LayerView _view;

    private UnitWatch(ResolvedJob job, Func<Device, LayerView> make, View weights)
    {
        (_weights, _samples, _view) = (weights, Math.Min(MostSamples, job.Data.Test.Count), make(_device));
        _inputs = new float[_samples * job.Data.Test.InputShape.Length];
        job.Data.Test.ReadAll([.. Enumerable.Range(0, _samples)], 0, _inputs, new int[_samples * job.Data.Test.TargetShape.Length]);
    }

    /// <summary>null where nothing is to be measured.</summary>
    public static UnitWatch? Of(ResolvedJob job, View weights) => job.Diagnosis.Layers > 0 && job.MakeView is { } make && job.Data.Test.Count > 0 ? new UnitWatch(job, make, weights) : null;

    /// <summary>null where the network has no ReLU.</summary>
    public IReadOnlyDictionary<string, double>? Measure()
    {
        var shares = _view.DeadShares(_inputs, _samples, _weights);
        return shares.Count == 0 ? null : shares.ToDictionary(s => LayerMetric.Name(s.Key, LayerMetric.DeadShare), s => s.Value, StringComparer.Ordinal);
    }

    public void Dispose()
    {
        _view.Dispose();
        _device.Dispose();
    }
}
