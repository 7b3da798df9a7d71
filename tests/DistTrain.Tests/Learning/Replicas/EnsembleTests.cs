using DistTrain.Kernels;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Replicas;

public sealed class EnsembleTests
{
    [Fact]
    public void The_answer_is_the_mean_of_all_members_and_views()
    {
        using var device = new CpuDevice(1);
        var network = new Network(new Sequential(new Flatten(), new Linear(new(3))), new Shape(1, 4, 4));
        var image = new float[16];
        RandomFill.Normal(image, 3, 0f, 1f);
        var held = new List<IDisposable>();
        var (members, probabilities, values) = (new List<(IReplica, View)>(), new double[3], new double[3]);
        var views = TestCrops.Of(image, network.Input, 10);
        for (ulong seed = 1; seed <= 3; seed++)
        {
            var (replica, weights) = (new Replica(network, new CrossEntropy(new()), device), device.Allocate(network.Layout.Length));
            held.AddRange([replica, weights]);
            weights.Write(0, network.Initialize(seed));
            members.Add((replica, weights.View));
            foreach (var view in views)
            {
                var outputs = new float[3];
                replica.Predict(view, 1, weights.View, outputs);
                var total = outputs.Sum(v => Math.Exp(v));
                for (var i = 0; i < 3; i++) (probabilities[i], values[i]) = (probabilities[i] + Math.Exp(outputs[i]) / total / 30, values[i] + outputs[i] / 30.0);
            }
        }
        var (classes, reals) = (new Ensemble(members, 3, areClasses: true).Predict(views), new Ensemble(members, 3, areClasses: false).Predict(views));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(probabilities[i], classes[i], 1e-9);
            Assert.Equal(values[i], reals[i], 1e-9);
        }
        foreach (var one in held) one.Dispose();
    }

    [Fact]
    public void Views_are_the_image_shifted_to_corners_and_mirrored()
    {
        var image = Enumerable.Range(1, 16).Select(i => (float)i).ToArray();
        var views = TestCrops.Of(image, new Shape(1, 4, 4), 10);
        Assert.Equal(10, views.Count);
        Assert.Equal(image, views[0]);
        Assert.Equal([0, 0, 0, 0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11], views[1]);
        Assert.Equal([6, 7, 8, 0, 10, 11, 12, 0, 14, 15, 16, 0, 0, 0, 0, 0], views[4]);
        Assert.Equal([4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13], views[5]);
        Assert.Equal([3, 2, 1, 0, 7, 6, 5, 0, 11, 10, 9, 0, 0, 0, 0, 0], views[6].Skip(4).Concat(views[6].Take(4)));
        Assert.Throws<ArgumentOutOfRangeException>(() => TestCrops.Of(image, new Shape(1, 4, 4), 3));
    }
}
