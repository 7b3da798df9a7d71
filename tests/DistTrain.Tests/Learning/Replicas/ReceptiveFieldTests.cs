using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

public sealed class ReceptiveFieldTests
{
    [Fact]
    public void Windows_strides_and_dilation_add_up_as_the_formula_says()
    {
        var network = new Network(new Sequential(new Conv2d(new(4, new Pair(3, 3))), new Relu(), new MaxPool2d(new(new Pair(2, 2))), new Conv2d(new(4, new Pair(3, 3)) { Dilation = new Pair(2, 2) }), new AveragePool2d(new(new Pair(2, 2))),
            new Flatten(), new Linear(new(2))), new Shape(1, 32, 32));
        // 3; 3 + 1 = 4 (jump 2); reach 5: 4 + 4·2 = 12; 12 + 2 = 14 (jump 4).
        Assert.Equal([("0", 3), ("1", 3), ("2", 4), ("3", 12), ("4", 14)], ReceptiveFields.Of(network).Where(f => f.Key.Length == 1).Select(f => (f.Key, f.Value)).OrderBy(f => f.Key));
    }

    [Fact]
    public void A_residual_branch_sees_as_far_as_its_longest_way()
    {
        var block = new Residual(new() { Body = [new Conv2d(new(2, new Pair(3, 3)) { Padding = new Pair(1, 1) }), new Conv2d(new(2, new Pair(3, 3)) { Padding = new Pair(1, 1) })] });
        Assert.Equal(5, ReceptiveFields.Of(new Network(new Sequential(block), new Shape(2, 9, 9)))["0"]);
    }
}
