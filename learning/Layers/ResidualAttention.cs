using DistTrain.Kernels.Functions;

namespace DistTrain.Learning;

/// <summary>How a soft mask is brought to its range.</summary>
public enum AttentionMask
{
    /// <summary>sigmoid of each element: mixed attention.</summary>
    Mixed,

    /// <summary>Each position's channels divided by their length.</summary>
    Channel,

    /// <summary>sigmoid of each channel's map after it was standardized.</summary>
    Spatial,
}

/// <summary>y = (1 + M(x))·T(x): a trunk, and beside it a mask that says where to look; the 1 keeps a bad mask from hiding what the trunk found.  x [C, H, W]; trunk and mask give one shape.  Wang et al. 2017, arXiv:1704.06904.</summary>
[Named("residualAttention")]
public sealed class ResidualAttention(ResidualAttention.Options options) : Layer
{
    public sealed record Options
    {
        /// <summary>Layers of the trunk, named trunk.0, ...; none: x.</summary>
        public IReadOnlyList<Layer> Trunk { get; init; } = [];

        /// <summary>Layers of the mask, named mask.0, ...: poolings and convolutions down, upsampling back up; none: x.</summary>
        public IReadOnlyList<Layer> Mask { get; init; } = [];

        /// <summary>mixed, channel or spatial.</summary>
        public AttentionMask Form { get; init; }
    }

    private readonly Sequential _trunk = new([.. options.Trunk]);
    private readonly Sequential _mask = new([.. options.Mask]);

    public override Shape Build(LayerBuilder build, Shape input)
    {
        if (input.Rank != 3 || input.Length == 0) throw build.Misfit(input, "[channels, height, width]");
        var (trunk, mask) = (build.Child("trunk", _trunk, input), build.Child("mask", _mask, input));
        return trunk == mask && trunk.Rank == 3 ? trunk : throw build.Misfit(input, $"what trunk and mask bring to one shape [channels, height, width]; here the trunk gives {trunk} and the mask {mask}");
    }

    public override Tensor Forward(Tape tape, Tensor x)
    {
        var (trunk, mask) = (_trunk.Forward(tape, x), _mask.Forward(tape, x));
        mask = options.Form switch
        {
            AttentionMask.Channel => new L2Normalize(new()).Forward(tape, mask),
            AttentionMask.Spatial => new Sigmoid().Forward(tape, new InstanceNorm(new()).Forward(tape, mask)),
            _ => new Sigmoid().Forward(tape, mask),
        };
        var seen = tape.Add(new Combine<Times>(tape, trunk, mask, readsInputs: true, readsOutput: false));
        return tape.Add(new Combine<Sum>(tape, trunk, seen, readsInputs: false, readsOutput: false));
    }
}
