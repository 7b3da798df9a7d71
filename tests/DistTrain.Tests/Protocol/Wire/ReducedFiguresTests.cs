using DistTrain.Protocol;

namespace DistTrain.Tests.Machines;

public sealed class ReducedFiguresTests
{
    [Fact]
    public void A_copy_for_the_wire_has_every_figure_and_shares_none()
    {
        var figures = new ReducedFigures { Squares = [1], Sides = [2], Cross = [3], HasLoss = true, Loss = 4, Correct = 5, Weight = 6, Updates = [7], Weights = [8] };
        var copy = figures.Copy();
        foreach (var property in typeof(ReducedFigures).GetProperties())
        {
            Assert.Equal(property.GetValue(figures), property.GetValue(copy));
            Assert.NotEqual(property.GetValue(new ReducedFigures()), property.GetValue(copy));
            if (property.PropertyType == typeof(double[])) Assert.NotSame(property.GetValue(figures), property.GetValue(copy));
        }
    }
}
