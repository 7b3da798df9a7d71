using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Dense layers down to a code and, mirrored, back to the input; trained with the loss reconstruction.  Hinton, Salakhutdinov 2006, doi:10.1126/science.1127647.</summary>
[Named("autoencoder")]
public sealed class Autoencoder(Autoencoder.Options options) : Model
{
    public sealed record Options
    {
        /// <summary>Units of the layers down; the last is the code.</summary>
        [Range(1, 1 << 24)] public IReadOnlyList<int> Units { get; init; } = [128, 32];
    }

    public override Layer Build(Shape input, int outputs)
    {
        var (down, layers) = (options.Units, new List<Layer>());
        for (var i = 0; i < down.Count; i++) layers.AddRange(i < down.Count - 1 ? [new Linear(new(down[i])), new Relu()] : [new Linear(new(down[i]))]);
        for (var i = down.Count - 2; i >= 0; i--) layers.AddRange([new Linear(new(down[i])), new Relu()]);
        return new Flattened(new Sequential([.. layers, new Linear(new(input.Length))]));
    }
}
