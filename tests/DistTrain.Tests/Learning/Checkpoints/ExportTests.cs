using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.Learning.Checks;

namespace DistTrain.Tests.Learning.Checkpoints;

public sealed class ExportTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_state_dict_has_PyTorchs_names_and_reads_back_as_the_same_weights()
    {
        var network = Normalized();
        var weights = network.Initialize(3);
        var running = network.Layout.Slices.First(s => s.Kind == SliceKind.Moments);
        for (var i = 0; i < running.Length; i++) weights[running.Offset + i] = i % 3 == 0 ? 7 : 0.25f * i;
        using (var stream = File.Create(_path)) StateDict.Write(stream, network.Layout, weights);
        using (var file = SafetensorsFile.Open(_path))
        {
            Assert.Equal(["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked", "4.weight", "4.bias"], file.Header.Entries.Select(e => e.Name));
            Assert.Equal([4L, 1, 3, 3], file["0.weight"].Shape);
            var tracked = new long[1];
            file.Read<long>(file["1.num_batches_tracked"], tracked);
            Assert.Equal(7, tracked[0]);
        }
        var read = network.Initialize(4);
        Assert.Empty(StateDict.Read(_path, network.Layout, read));
        Assert.Equal(weights, read);
    }

    [Fact]
    public void What_a_file_lacks_or_has_in_another_shape_is_named_and_a_strange_file_is_refused()
    {
        var network = Normalized();
        using (var stream = File.Create(_path)) StateDict.Write(stream, network.Layout, network.Initialize(3));
        var wider = new Network(new Sequential(new Conv2d(new(4, new Pair(3, 3))), new BatchNorm(new()), new Relu(), new Flatten(), new Linear(new(9))), new Shape(1, 6, 6));
        Assert.Equal(["4.weight", "4.bias"], StateDict.Read(_path, wider.Layout, wider.Initialize(1)));
        var other = new Network(new Sequential(new Lstm(new(3))), new Shape(4, 5));
        Assert.Contains("has no tensor of this model", Assert.Throws<SafetensorsException>(() => StateDict.Read(_path, other.Layout, other.Initialize(1))).Message);
    }

    [Fact]
    public void An_ONNX_file_is_well_formed_and_holds_the_weights()
    {
        var network = Normalized();
        var model = Fields(OnnxGraph.Export(network, network.Initialize(3), "small"));
        Assert.Equal("DistTrain", System.Text.Encoding.UTF8.GetString(model.Single(f => f.Number == 2).Bytes));
        var graph = Fields(model.Single(f => f.Number == 7).Bytes);
        var operators = graph.Where(f => f.Number == 1).Select(n => System.Text.Encoding.UTF8.GetString(Fields(n.Bytes).Single(f => f.Number == 4).Bytes));
        Assert.Equal(["Conv", "BatchNormalization", "Relu", "Flatten", "Gemm", "Identity"], operators);
        var weight = Fields(graph.Where(f => f.Number == 5).First().Bytes);
        Assert.Equal("0.weight", System.Text.Encoding.UTF8.GetString(weight.Single(f => f.Number == 8).Bytes));
        Assert.Equal(network.Initialize(3).AsSpan(network.Layout.Slices[0].Offset, network.Layout.Slices[0].Length), System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(weight.Single(f => f.Number == 9).Bytes));
        var mirrored = new Network(new Sequential(new Gru(new(3) { Mirrored = true })), new Shape(4, 5));
        Assert.Contains("Gru has no form in ONNX", Assert.Throws<NotSupportedException>(() => OnnxGraph.Export(mirrored, mirrored.Initialize(1), "x")).Message);
    }

    // What is written of each is compared with PyTorch by tests/Bench/records/2026-11-20_exports/check_layers.py.
    [Fact]
    public void Every_layer_has_a_form_in_ONNX_but_for_those_that_are_named_here()
    {
        string[] without =
        [
            "ChiSquare", "Conv2d (flipped)", "FactorizationMachine", "Gram", "Gru (mirrored)", "LocalResponseNorm (even size)", "MaxUnpool2d", "ResidualAttention", "RoiPool2d", "SpatialPyramidPool", "SpatialTransformer",
            "AdaptiveAveragePool2d (unequal windows)", "AdaptiveMaxPool2d (unequal windows)",
        ];
        var refused = new HashSet<string>();
        foreach (var row in LayerRow.All)
        {
            var network = new Network(new Sequential(row.Make()), row.Input);
            try
            {
                Assert.NotEmpty(OnnxGraph.Export(network, network.Initialize(1), "row"));
            }
            catch (NotSupportedException missing)
            {
                var name = missing.Message.Split(' ')[1];
                refused.Add(name switch { "Conv2d" => "Conv2d (flipped)", "Gru" => "Gru (mirrored)", "LocalResponseNorm" => "LocalResponseNorm (even size)", _ => name.StartsWith("Adaptive", StringComparison.Ordinal) ? $"{name} (unequal windows)" : name });
            }
        }
        Assert.Equal(without.Order(StringComparer.Ordinal), refused.Order(StringComparer.Ordinal));
    }

    private static Network Normalized() => new(new Sequential(new Conv2d(new(4, new Pair(3, 3))), new BatchNorm(new()), new Relu(), new Flatten(), new Linear(new(5))), new Shape(1, 6, 6));

    // The fields of one protobuf message: numbers and length-delimited bytes.
    private static List<(int Number, long Value, byte[] Bytes)> Fields(byte[] message)
    {
        var (fields, at) = (new List<(int, long, byte[])>(), 0);
        while (at < message.Length)
        {
            var key = Varint();
            var field = (int)(key >> 3);
            switch (key & 7)
            {
                case 0: fields.Add((field, Varint(), [])); break;
                case 5: fields.Add((field, 0, message[at..(at += 4)])); break;
                default:
                    var length = (int)Varint();
                    fields.Add((field, 0, message[at..(at += length)]));
                    break;
            }
        }
        return fields;

        long Varint()
        {
            var (value, shift) = (0L, 0);
            for (; (message[at] & 0x80) != 0; shift += 7) value |= (long)(message[at++] & 0x7F) << shift;
            return value | (long)message[at++] << shift;
        }
    }
}
