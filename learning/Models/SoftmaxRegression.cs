namespace DistTrain.Learning;

/// <summary>One dense layer over the flattened input: with crossEntropy softmax regression, with mse linear regression.</summary>
[Named("softmaxRegression")]
public sealed class SoftmaxRegression : Model
{
    public override Layer Build(Shape input, int outputs) => new Flattened(new Sequential(new Linear(new(outputs))));
}
