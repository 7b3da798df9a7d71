using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Channels of g groups interleaved: channel c·g + a of y is channel a·(C / g) + c of x.  x, y [C, ...].  Zhang et al. 2017, arXiv:1707.01083.</summary>
[Named("channelShuffle")]
public sealed class ChannelShuffle(ChannelShuffle.Options options) : Layer
{
    /// <param name="Groups">g; divides the channels.</param>
    public sealed record Options([property: Range(1, 1 << 20)] int Groups);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 0 && input[0] % options.Groups == 0 ? input : throw build.Misfit(input, $"[channels (a multiple of {options.Groups}), ...]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input)
    {
        var apart = graph.Reshape(x, options.Groups, input[0] / options.Groups, input.Length / input[0]);
        return graph.Reshape(graph.Add("Transpose", [apart], ("perm", new long[] { 0, 2, 1, 3 })), input.Axes.ToArray());
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (g, channels, positions) = (options.Groups, x.Shape[0], x.Shape.Length / x.Shape[0]);
        return Rearranged.Selection(tape, x, x.Shape, i => (i / positions % g * (channels / g) + i / positions / g) * positions + i % positions);
    }
}
