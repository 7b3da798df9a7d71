using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>One answer from several members (bagging) and several views of a sample (multi-crop): the mean of their class probabilities, or of their outputs.  Breiman 1996, doi:10.1007/BF00058655; Krizhevsky, Sutskever, Hinton 2012, section 4.1.</summary>
/// <param name="members">Replicas with weights; all give as many outputs.</param>
/// <param name="outputs">Elements of one output.</param>
/// <param name="areClasses">Outputs are logits of classes.</param>
public sealed class Ensemble(IReadOnlyList<(IReplica Replica, View Weights)> members, int outputs, bool areClasses)
{
    private readonly float[] _output = new float[outputs];

    /// <summary>Probabilities, or values; members in order, views in order, one division at the end.</summary>
    /// <param name="views">The sample, or crops of it.</param>
    public double[] Predict(IReadOnlyList<float[]> views)
    {
        var sum = new double[outputs];
        foreach (var (replica, weights) in members)
            foreach (var view in views)
            {
                replica.Predict(view, 1, weights, _output);
                if (areClasses) AddProbabilities(sum);
                else
                    for (var i = 0; i < outputs; i++) sum[i] += _output[i];
            }
        for (var i = 0; i < outputs; i++) sum[i] /= (double)members.Count * views.Count;
        return sum;
    }

    private void AddProbabilities(double[] sum)
    {
        var (largest, total) = (double.NegativeInfinity, 0.0);
        foreach (var value in _output) largest = Math.Max(largest, value);
        foreach (var value in _output) total += Scalar64.Exp(value - largest);
        for (var i = 0; i < outputs; i++) sum[i] += Scalar64.Exp(_output[i] - largest) / total;
    }
}
