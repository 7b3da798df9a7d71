using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Dense layers with ReLU between them over the flattened input.  28x28, hidden 512, 512, ten outputs: 669,706 parameters.</summary>
[Named("mlp")]
public sealed class Mlp(Mlp.Options options) : Model
{
    public sealed record Options
    {
        /// <summary>Units of each hidden layer.</summary>
        [Range(1, 1 << 24)] public IReadOnlyList<int> Hidden { get; init; } = [512, 512];
    }

    public override Layer Build(Shape input, int outputs) =>
        new Flattened(new Sequential([.. options.Hidden.SelectMany(units => new Layer[] { new Linear(new(units)), new Relu() }), new Linear(new(outputs))]));
}
