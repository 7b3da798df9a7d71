using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

public sealed class CurveFileTests
{
    [Fact]
    public void Columns_come_in_any_order_unknown_ones_are_passed_over_and_empty_cells_are_missing()
    {
        var curves = Read("test_loss,note,step,train_loss,accuracy,grad_norm,lr\n0.5,\"a, \"\"b\"\"\",0,0.4,0.9,1.5,0.1\n,x,10,0.3,,,\n0.45,,20,,,2,\n");
        Assert.Equal([0L, 10], curves.TrainLoss.Steps.ToArray());
        Assert.Equal([0.4, 0.3], curves.TrainLoss.Values.ToArray());
        Assert.Equal([0L, 20], curves.TestLoss.Steps.ToArray());
        Assert.Equal([0.5, 0.45], curves.TestLoss.Values.ToArray());
        Assert.Equal([0.9], curves.Accuracy.Values.ToArray());
        Assert.Equal([1.5, 2], curves.GradientNorm.Values.ToArray());
        Assert.Equal([0.1], curves.LearningRate.Values.ToArray());
    }

    [Theory, InlineData("step;train_loss;test_loss\r\n0;1;2\r\n"), InlineData("step\ttrainLoss\tvalLoss\n0\t1\t2"), InlineData("\uFEFFStep, Train Loss, Val Loss\n\n 0 , 1 , 2 \n"), InlineData("step,train_loss,test_loss\n0,,2\n0,1,\n")]
    public void Other_separators_names_and_spaces_are_read(string text)
    {
        var curves = Read(text);
        Assert.Equal([1.0], curves.TrainLoss.Values.ToArray());
        Assert.Equal([2.0], curves.TestLoss.Values.ToArray());
    }

    [Fact]
    public void Nan_and_infinities_are_values()
    {
        var curves = Read("step,train_loss,test_loss\n0,nan,inf\n1,NaN,-Infinity\n");
        Assert.Equal([double.NaN, double.NaN], curves.TrainLoss.Values.ToArray());
        Assert.Equal([double.PositiveInfinity, double.NegativeInfinity], curves.TestLoss.Values.ToArray());
    }

    [Theory]
    [InlineData("", 1, 1, "the file is empty")]
    [InlineData("step,train_loss,test_loss\n", 1, 1, "no line follows the header")]
    [InlineData("0,1,2\n1,1,2\n", 1, 1, "the header lacks step and train_loss and test_loss")]
    [InlineData("step,train_loss\n0,1\n", 1, 1, "the header lacks test_loss")]
    [InlineData("step,loss/train,train_loss,test_loss\n", 1, 17, "gives train_loss a second time")]
    [InlineData("step,train_loss,test_loss\n0,1,2\n1,0.9,abc\n", 3, 7, "test_loss is \"abc\"")]
    [InlineData("step,train_loss,test_loss\n0,1,2\n1,  x,1\n", 3, 5, "train_loss is \"x\"")]
    [InlineData("step,train_loss,test_loss\n0,1,2\n1.5,1,1\n", 3, 1, "step is \"1.5\"")]
    [InlineData("step,train_loss,test_loss\n5,1,2\n4,1,1\n", 3, 1, "step is 4 after 5")]
    [InlineData("step,train_loss,test_loss\n,1,2\n", 2, 1, "step is \"\"")]
    [InlineData("step,train_loss,test_loss\n0,1\n", 2, 1, "2 cells. The header has 3")]
    [InlineData("step,train_loss,test_loss\n0,\"1,2\n", 2, 3, "a quoted cell does not end")]
    [InlineData("step,train_loss,test_loss\n0,\"1\"2,3\n", 2, 6, "text follows a quoted cell")]
    public void A_bad_file_is_refused_with_line_and_column(string text, int line, int column, string message)
    {
        var problem = Assert.Single(Assert.Throws<CurveFileException>(() => Read(text)).Problems);
        Assert.Equal((line, column), (problem.Line, problem.Column));
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_problems_are_named_at_once_up_to_twenty()
    {
        var rows = string.Concat(Enumerable.Range(0, 100).Select(i => $"{i},x,y\n"));
        Assert.Equal(4, Assert.Throws<CurveFileException>(() => Read("step,train_loss,test_loss\n0,x,y\n1,2,3\n2,x,y\n")).Problems.Count);
        Assert.Equal(20, Assert.Throws<CurveFileException>(() => Read("step,train_loss,test_loss\n" + rows)).Problems.Count);
    }

    private static TrainingCurves Read(string text) => CurveFile.Read(new StringReader(text));
}
