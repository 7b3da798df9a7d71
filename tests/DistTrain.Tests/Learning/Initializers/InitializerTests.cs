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
        { "lecunNormal", 0, Math.Sqrt(1.0 / 300) },
        { "truncatedNormal", 0, 0.02 * 0.87962566 }, // the deviation of a normal cut at two deviations
        { "identity", 1 / 300.0, Math.Sqrt(1 / 300.0 * (1 - 1 / 300.0)) },
        { "orthogonal", 0, Math.Sqrt(1 / 300.0) },
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
        // edges draws nothing: EdgeFilterTests hold it against what is published.
        Assert.Equal(Catalog.BuiltIn.All<Initializer>().Select(c => c.Name).Where(n => n != "edges").Order(), Expected().Select(r => (string)r[0]).Order());

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

    [Theory]
    [InlineData(12, 20)]
    [InlineData(20, 12)]
    [InlineData(9, 9)]
    public void Orthogonal_rows_or_columns_are_orthonormal(int rows, int columns)
    {
        var values = new float[rows * columns];
        new Orthogonal(new(2.0)).Fill(values, Fan.Of(new Shape(rows, columns)), 3);
        var (count, length) = (Math.Min(rows, columns), Math.Max(rows, columns));
        float At(int v, int i) => rows <= columns ? values[v * columns + i] : values[i * columns + v];
        for (var a = 0; a < count; a++)
            for (var b = 0; b <= a; b++)
                Assert.Equal(a == b ? 4.0 : 0.0, Enumerable.Range(0, length).Sum(i => (double)At(a, i) * At(b, i)), 1e-5);
    }

    [Fact]
    public void An_orthogonal_matrix_that_would_take_minutes_is_refused_when_the_layer_is_built()
    {
        Layer Dense(int outputs) => new Linear(new(outputs) { WeightInit = new Orthogonal(new()) });
        Assert.Equal(new Shape(2048), new Network(Dense(2048), new Shape(2048)).Output);
        var error = Assert.Throws<ShapeException>(() => new Network(new Sequential(Dense(4096)), new Shape(8192)));
        Assert.Equal("parameter 0.weight is [4096, 8192], as a matrix [4096, 8192], and orthogonal makes 4096 vectors of 8192 orthogonal one after the other. It must be at most as much work as [2048, 2048] is. Use xavierNormal or kaimingNormal: so many random rows are nearly orthogonal anyway.", error.Message);
    }

    [Fact]
    public void Identity_passes_signals_through_and_truncated_draws_stay_inside()
    {
        var convolution = new float[3 * 2 * 3 * 3];
        new Identity(new(1.5f)).Fill(convolution, Fan.Of(new Shape(3, 2, 3, 3)), 1);
        // [0, 0, 1, 1] and [1, 1, 1, 1]; the third output has no input of its own.
        Assert.Equal([4, 31], Enumerable.Range(0, convolution.Length).Where(i => convolution[i] != 0));
        Assert.Equal(1.5f, convolution[31]);
        var values = new float[20_000];
        new TruncatedNormal(new(1f, 3f, 1.5f)).Fill(values, new Fan(1, 1), 9);
        Assert.All(values, v => Assert.InRange(v, 1.5f, 4.5f));
    }
}
