using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Initializers;

public sealed class InitializerTests
{
    private static readonly Fan Fan = new(300, 100);

    // name -> (mean, deviation, largest magnitude or 0) of many draws
    public static TheoryData<string, double, double> Expected() => new()
    {
        { "constant", 0, 0 },
        { "normal", 0, 0.01 },
        { "uniform", 0, 0.1 / Math.Sqrt(3) },
        { "fanInUniform", 0, 1 / Math.Sqrt(300.0) / Math.Sqrt(3) },
        { "xavierUniform", 0, Math.Sqrt(2.0 / 400) },
        { "xavierNormal", 0, Math.Sqrt(2.0 / 400) },
        { "kaimingUniform", 0, Math.Sqrt(2.0 / 300) },
        { "kaimingNormal", 0, Math.Sqrt(2.0 / 300) },
    };

    [Theory, MemberData(nameof(Expected))]
    public void Draws_have_the_stated_mean_and_deviation(string name, double mean, double deviation)
    {
        var values = new float[30_000];
        Components.Make<Initializer>(name).Fill(values, Fan, 77);
        var found = values.Average(v => (double)v);
        Assert.Equal(mean, found, 4 * deviation / Math.Sqrt(values.Length) + 1e-12);
        Assert.Equal(deviation, Math.Sqrt(values.Average(v => (v - found) * (v - found))), 0.02 * deviation + 1e-12);
    }

    [Fact]
    public void Every_initializer_is_in_the_table() =>
        Assert.Equal(Catalog.BuiltIn.All<Initializer>().Select(c => c.Name).Order(), Expected().Select(r => (string)r[0]).Order());

    [Fact]
    public void First_weights_follow_from_the_seed_and_the_names_alone()
    {
        var small = new Network(new Sequential(new Linear(new(4)), new Relu(), new Linear(new(2))), new Shape(3));
        var large = new Network(new Sequential(new Linear(new(4)), new Relu(), new Linear(new(2)), new Linear(new(9))), new Shape(3));
        var (a, b, c) = (small.Initialize(5), large.Initialize(5), small.Initialize(6));
        foreach (var slice in small.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
        {
            Assert.Equal(a[slice.Offset..(slice.Offset + slice.Length)], b[slice.Offset..(slice.Offset + slice.Length)]);
            Assert.NotEqual(a[slice.Offset..(slice.Offset + slice.Length)], c[slice.Offset..(slice.Offset + slice.Length)]);
        }
    }

    [Theory]
    [InlineData(new[] { 10, 20 }, 20, 10)]
    [InlineData(new[] { 6, 3, 5, 5 }, 75, 150)]
    [InlineData(new[] { 7 }, 7, 7)]
    public void Fans_are_counted_as_PyTorch_counts_them(int[] shape, int @in, int @out) => Assert.Equal(new Fan(@in, @out), Fan.Of(new Shape(shape)));
}
