using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>
/// Decoder-only transformer: token and learned position embeddings, blocks x + attention(norm(x)), x + mlp(norm(x)) with GELU, a last norm, an output for
/// each next token at every position.  x [T]  y [T, vocabulary].  65 tokens, T = 64, 4 layers of width 128: 818,241 parameters.  Radford et al. 2019.
/// </summary>
[Named("gpt")]
public sealed class Gpt(Gpt.Options options) : Model
{
    /// <param name="Layers">Blocks.</param>
    /// <param name="Heads">Heads of each block; they divide the width.</param>
    /// <param name="Width">Elements of a position's row.</param>
    public sealed record Options([property: Range(1, 1024)] int Layers = 4, [property: Range(1, 1024)] int Heads = 4, [property: Range(1, 1 << 16)] int Width = 128) : IValidatableObject
    {
        /// <summary>Probability of dropping an element of each branch before it is added.</summary>
        [Range(0.0, 1.0, MaximumIsExclusive = true)] public float Dropout { get; init; }

        /// <summary>The output shares the token embedding's table, as GPT-2 does.</summary>
        public bool Tied { get; init; }

        /// <summary>Deviation of the first weights; GPT-2's.</summary>
        [Range(0.0, 10.0)] public float Std { get; init; } = 0.02f;

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Width % Heads != 0) yield return new($"is {Heads}. It must divide width = {Width}.", [nameof(Heads)]);
        }
    }

    public override Layer Build(Shape input, int outputs)
    {
        var layers = new List<Layer> { new Positions(new() { Init = First }) };
        for (var block = 0; block < options.Layers; block++)
        {
            layers.Add(Branch(new MultiHeadAttention(new(options.Heads, Causal: true) { WeightInit = First })));
            layers.Add(Branch(Dense(4 * options.Width), new Gelu(), Dense(options.Width)));
        }
        layers.Add(new LayerNorm(new()));
        return options.Tied ? new Sequential(new TiedEmbedding(new(outputs, options.Width) { Body = layers, Init = First }))
            : new Sequential([new Embedding(new(outputs, options.Width) { Init = First }), .. layers, Dense(outputs)]);
    }

    private Normal First => new(new(options.Std));

    private Linear Dense(int outputs) => new(new(outputs) { WeightInit = First, BiasInit = new Constant(new(0f)) });

    private Residual Branch(params ReadOnlySpan<Layer> layers) =>
        new(new() { Body = [new LayerNorm(new()), .. layers, .. options.Dropout > 0 ? new Layer[] { new Dropout(new(options.Dropout)) } : []] });
}
