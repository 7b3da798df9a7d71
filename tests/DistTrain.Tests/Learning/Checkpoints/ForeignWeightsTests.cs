using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checkpoints;

public sealed class ForeignWeightsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly Network _network = Net(5);

    public ForeignWeightsTests()
    {
        using var stream = File.Create(_file);
        StateDict.Write(stream, _network.Layout, _network.Initialize(3));
    }

    public void Dispose() => File.Delete(_file);

    private static Network Net(int outputs) => new(new Sequential(new Conv2d(new(4, new Pair(3, 3))), new BatchNorm(new()), new Relu(), new Flatten(), new Linear(new(outputs))), new Shape(1, 6, 6));

    private ForeignWeights? Open(Network network, bool strict, out string problems, params WeightRule[] rules)
    {
        var found = new List<string>();
        var weights = ForeignWeights.Open(_file, network.Layout, rules, strict, found);
        problems = string.Join("\n", found);
        return weights;
    }

    [Fact]
    public void All_tensors_come_back_batch_statistics_too()
    {
        var weights = new float[_network.Layout.Length];
        Open(_network, strict: true, out _)!.Fill(weights);
        Assert.Equal(_network.Initialize(3), weights);
    }

    [Fact]
    public void A_replaced_head_is_drawn_and_the_body_read()
    {
        var wider = Net(9);
        Assert.Null(Open(wider, strict: true, out var problems));
        Assert.Contains("4.weight is [5, 64] and the model's [9, 64]", problems, StringComparison.Ordinal);
        Assert.Null(Open(wider, strict: true, out problems, new SkipWeights(new("4.*"))));
        Assert.Contains("lacks 2 tensors of the model: 4.weight, 4.bias", problems, StringComparison.Ordinal);
        var foreign = Open(wider, strict: false, out problems, new SkipWeights(new("4.*")))!;
        Assert.Equal(["4.weight", "4.bias"], foreign.Missing);
        var weights = wider.Initialize(8);
        foreign.Fill(weights);
        foreach (var slice in wider.Layout.Slices.SkipLast(1))
        {
            var from = slice.Name.StartsWith('4') ? wider.Initialize(8) : _network.Initialize(3);
            var source = slice.Name.StartsWith('4') ? slice : _network.Layout.Slices.First(s => s.Name == slice.Name);
            Assert.Equal(from.AsSpan(source.Offset, source.Length), weights.AsSpan(slice.Offset, slice.Length));
        }
    }

    [Fact]
    public void Names_are_mapped_and_what_does_not_fit_is_said_all_at_once()
    {
        var inner = new Network(new Sequential(new Sequential(new Conv2d(new(4, new Pair(3, 3))), new BatchNorm(new())), new Relu(), new Flatten(), new Linear(new(5))), new Shape(1, 6, 6));
        Assert.Null(Open(inner, strict: true, out var problems));
        Assert.Contains("lacks 8 tensors", problems, StringComparison.Ordinal);
        Assert.Contains("that the model lacks: 0.weight, 0.bias", problems, StringComparison.Ordinal);
        var weights = new float[inner.Layout.Length];
        Open(inner, strict: true, out problems, new RenameWeights(new("4.*", "3.*")), new RenameWeights(new("*", "0.*")))!.Fill(weights);
        Assert.Equal(_network.Initialize(3), weights);
        Assert.Null(Open(inner, strict: true, out problems, new RenameWeights(new("0.*", "0.0.*")), new RenameWeights(new("1.*", "0.0.*"))));
        Assert.Contains("has two tensors for one of the model: 1.weight and 0.weight (both 0.0.weight)", problems, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_none_or_has_changed_is_refused()
    {
        var opened = Open(_network, strict: true, out _)!;
        var bytes = File.ReadAllBytes(_file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_file, bytes);
        Assert.Contains("has changed since the job was planned", Assert.Throws<InvalidDataException>(() => opened.Fill(new float[_network.Layout.Length])).Message, StringComparison.Ordinal);
        File.WriteAllText(_file, "PK, a torch file");
        Assert.Null(Open(_network, strict: true, out var problems));
        Assert.Contains("Export it again as safetensors", problems, StringComparison.Ordinal);
    }
}
