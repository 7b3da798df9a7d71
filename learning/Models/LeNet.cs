namespace DistTrain.Learning;

/// <summary>LeNet-5 with ReLU and max pooling: conv 6@5x5 pad 2, pool 2, conv 16@5x5, pool 2, 120, 84, outputs.  1x28x28: 61,706 parameters.  LeCun et al. 1998, doi:10.1109/5.726791.</summary>
[Named("lenet")]
public sealed class LeNet : Model
{
    public override Layer Build(Shape input, int outputs) => new Sequential(
        new Conv2d(new(6, new Pair(5, 5)) { Padding = new Pair(2, 2) }), new Relu(), new MaxPool2d(new(new Pair(2, 2))),
        new Conv2d(new(16, new Pair(5, 5))), new Relu(), new MaxPool2d(new(new Pair(2, 2))),
        new Flatten(), new Linear(new(120)), new Relu(), new Linear(new(84)), new Relu(), new Linear(new(outputs)));
}
