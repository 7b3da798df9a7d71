using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>w[o, i] = gain where o = i, else 0; other axes at their middle: the layer starts as the identity.  For ReLU recurrent nets: Le, Jaitly, Hinton 2015, arXiv:1504.00941.</summary>
[Named("identity")]
public sealed class Identity(Identity.Options options) : Initializer
{
    /// <param name="Gain">On the diagonal.</param>
    public sealed record Options([property: Range(-1e6, 1e6)] float Gain = 1f);

    public override void Fill(Span<float> values, Fan fan, ulong key)
    {
        values.Clear();
        var (field, inputs) = Field(values.Length, fan);
        for (var o = 0; o < Math.Min(inputs, values.Length / fan.In); o++) values[o * fan.In + o * field + field / 2] = options.Gain;
    }

    // [O, I, ...]: length = O·I·field, in = I·field, out = O·field.
    private static (int Field, int Inputs) Field(int length, Fan fan)
    {
        var outputs = Math.Max(1, length / fan.In);
        var field = Math.Max(1, fan.Out / outputs);
        return (field, fan.In / field);
    }
}
