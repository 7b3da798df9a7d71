namespace DistTrain.Learning;

/// <summary>y = W·x + b over the flattened input; with mse the least-squares fit (with lbfgs its solution in few steps, with weightDecay ridge regression, with l1 lasso).  Legendre 1805; Gauss 1809.</summary>
[Named("linearRegression")]
public sealed class LinearRegression : Model
{
    public override Layer Build(Shape input, int outputs) => new Flattened(new Sequential(new Linear(new(outputs))));
}
