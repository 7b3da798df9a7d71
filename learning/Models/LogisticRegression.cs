namespace DistTrain.Learning;

/// <summary>One logit w·x + b over the flattened input for data with two classes; with binaryCrossEntropy P(class 1) = sigmoid of it. For more classes: softmaxRegression.  Cox 1958.</summary>
[Named("logisticRegression")]
public sealed class LogisticRegression : Model
{
    public override Layer Build(Shape input, int outputs) => new Flattened(new Sequential(new Linear(new(1))));
}
