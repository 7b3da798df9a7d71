namespace DistTrain.Learning;

/// <summary>Support vector machine: scores W·x + b over the flattened input. Two classes: one score, loss hinge; more: one for each, loss multiclassHinge; l2 (training.l2) is the margin's ½‖w‖².  Cortes, Vapnik 1995, doi:10.1007/BF00994018.</summary>
[Named("svm")]
public sealed class Svm : Model
{
    public override Layer Build(Shape input, int outputs) => new Flattened(new Sequential(new Linear(new(outputs <= 2 ? 1 : outputs))));
}
