namespace DistTrain.Learning;

/// <summary>A piece of a network: declares its parameters, says what shape it makes of what, and records its nodes. One file a layer with its adjoint, found by [Named].</summary>
/// <remarks>An object stands for one place in one network; used twice in Forward it shares its weights. After Build it is only read.</remarks>
public abstract class Layer
{
    /// <summary>Declares parameters and gives the output's shape for one sample.</summary>
    /// <exception cref="ShapeException">The input does not fit (<see cref="LayerBuilder.Misfit"/>).</exception>
    public abstract Shape Build(LayerBuilder build, Shape input);

    /// <summary>Records what the layer does to <paramref name="x"/>.</summary>
    public abstract Tensor Forward(Tape tape, Tensor x);

    /// <summary>Tokens that the layer's input elements name: each is a whole number below this. 0: the input is real values.</summary>
    public virtual int Vocabulary => 0;

    /// <summary>Writes the layer's nodes (after Build) and returns the name of what they give.</summary>
    /// <param name="x">Name of what goes in.</param>
    /// <param name="input">One sample's input, as Build was given it.</param>
    public virtual string ToOnnx(OnnxGraph graph, string x, Shape input) => throw new NotSupportedException($"layer {GetType().Name} has no form in ONNX here. Export to safetensors instead.");
}

/// <summary>A layer whose product can apply a following ReLU before it stores: one pass over memory less.</summary>
public interface IFusesRelu
{
    Tensor ForwardWithRelu(Tape tape, Tensor x);
}
