using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data.Transforms;

public sealed class TransformTests
{
    private static readonly DatasetIdentity _identity = new("t", 1, "0");

    private static NumericTable Table(int width, params float[] values) => NumericTable.Labelled(width, values, new int[values.Length / width], 2, [], _identity);

    private static float[] Row(Transform transform, Dataset train, Dataset data, int index)
    {
        var after = transform.Fit(train).Of(data);
        var input = new float[after.InputShape.Length];
        after.Read(index, input, new int[1]);
        return input;
    }

    [Fact]
    public void Min_max_maps_the_training_range_and_a_constant_to_low()
    {
        var train = Table(2, 2, 5, 4, 5, 6, 5);
        Assert.Equal([-1f, -1f], Row(new MinMax(new(-1, 1)), train, train, 0));
        Assert.Equal([3f, -1f], Row(new MinMax(new(-1, 1)), train, Table(2, 10, 9), 0));
    }

    [Fact]
    public void One_hot_has_a_place_for_each_training_value_and_none_for_others()
    {
        var train = Table(2, 7, 3, 8, 1, 9, 3);
        Assert.Equal([7f, 0f, 1f], Row(new OneHot(new([1])), train, train, 0));
        Assert.Equal([9f, 0f, 0f], Row(new OneHot(new([1])), train, Table(2, 9, 2), 0));
        Assert.Contains("It must be between 0 and 1", Assert.Throws<DatasetException>(() => new OneHot(new([2])).Fit(train)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Polynomial_and_crossed_features_are_all_products_once()
    {
        var data = Table(2, 2, 3);
        Assert.Equal([2f, 3f, 4f, 6f, 9f, 8f, 12f, 18f, 27f], Row(new PolynomialFeatures(new(3)), data, data, 0));
        var three = Table(3, 2, 3, 5);
        Assert.Equal([2f, 3f, 5f, 6f, 10f, 15f], Row(new CrossFeatures(new()), three, three, 0));
        Assert.Equal([2f, 3f, 5f, 10f], Row(new CrossFeatures(new([0, 2])), three, three, 0));
    }

    [Fact]
    public void Principal_components_decorrelate_and_whitening_makes_them_of_deviation_one()
    {
        var values = new float[400 * 3];
        for (var n = 0; n < 400; n++)
        {
            var (a, b, c) = ((n * 37 % 101) / 50f - 1, (n * 53 % 89) / 44f - 1, (n * 71 % 97) / 48f - 1);
            (values[3 * n], values[3 * n + 1], values[3 * n + 2]) = (3 * a + b, a - 2 * b + 0.1f * c, 0.5f * c + a);
        }
        var train = Table(3, values);
        var after = new Pca(new(Whiten: true)).Fit(train).Of(train);
        var rows = Enumerable.Range(0, 400).Select(n =>
        {
            var row = new float[3];
            after.Read(n, row, new int[1]);
            return row;
        }).ToArray();
        for (var i = 0; i < 3; i++)
            for (var j = 0; j < 3; j++) Assert.Equal(i == j ? 1.0 : 0.0, rows.Average(r => (double)r[i] * r[j]), 1e-4);
        var one = new Pca(new(1)).Fit(train).Of(train);
        Assert.Equal(new Shape(1), one.InputShape);
        // The first component has the largest variance of any direction.
        var first = Enumerable.Range(0, 400).Average(n =>
        {
            var row = new float[1];
            one.Read(n, row, new int[1]);
            return (double)row[0] * row[0];
        });
        for (var i = 0; i < 3; i++)
        {
            var mean = Enumerable.Range(0, 400).Average(n => (double)values[3 * n + i]);
            Assert.True(first >= Enumerable.Range(0, 400).Average(n => (values[3 * n + i] - mean) * (values[3 * n + i] - mean)) - 1e-6);
        }
    }

    [Fact]
    public void Given_means_and_deviations_are_used_by_channel()
    {
        var images = new ByteImages(new(2, 1, 2), [0, 255, 51, 102], [0], 2, _identity);
        var row = Row(new Normalize(new([0.5, 0.2], [0.5, 0.1])), images, images, 0);
        Assert.Equal([-1f, 1f], row[..2]);
        Assert.Equal(0f, row[2], 1e-6f);
        Assert.Equal(2f, row[3], 1e-6f);
        Assert.Contains("It must have 2 of each", Assert.Throws<DatasetException>(() => new Normalize(new([0], [1])).Fit(images)).Message, StringComparison.Ordinal);
    }
}
