using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>y = channels [first, first + count) of the first axis.  x [C, ...]  y [count, ...].  dx: dy there, 0 elsewhere.</summary>
[Named("slice")]
public sealed class ChannelSlice(ChannelSlice.Options options) : Layer
{
    /// <param name="Count">Channels that stay.</param>
    /// <param name="First">The first of them.</param>
    public sealed record Options([property: Range(1, int.MaxValue)] int Count, [property: Range(0, int.MaxValue)] int First = 0);

    public override Shape Build(LayerBuilder build, Shape input) => input.Rank > 0 && (long)options.First + options.Count <= input[0] ? new Shape([options.Count, .. input.Axes[1..]])
        : throw build.Misfit(input, $"[at least {(long)options.First + options.Count}, ...]");

    public override string ToOnnx(OnnxGraph graph, string x, Shape input) => graph.Channels(x, options.First, options.Count);

    public override Tensor Forward(Tape tape, Tensor x) => tape.Add(new Sliced(tape, x, options.First, options.Count));
}
