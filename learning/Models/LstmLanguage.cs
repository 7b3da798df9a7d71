using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Language model: embedding, LSTM, an output for each next token at every position.  x [T]  y [T, vocabulary].  65 tokens, width 64, 256 hidden: 350,593 parameters.  Graves 2013, arXiv:1308.0850.</summary>
[Named("lstm")]
public sealed class LstmLanguage(LstmLanguage.Options options) : Model
{
    /// <param name="Hidden">Units of each layer.</param>
    /// <param name="Width">Elements of a token's embedding.</param>
    /// <param name="Layers">Stacked LSTM layers.</param>
    public sealed record Options([property: Range(1, 1 << 16)] int Hidden = 256, [property: Range(1, 1 << 16)] int Width = 64, [property: Range(1, 64)] int Layers = 1);

    public override Layer Build(Shape input, int outputs) => new Sequential(new Embedding(new(outputs, options.Width)), new Lstm(new(options.Hidden, options.Layers)), new Linear(new(outputs)));
}
