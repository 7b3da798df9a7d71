using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>
/// How many rows (and columns) of the network's input an element of a layer's output looks at: r = r_in + (reach - 1)·j_in, j = j_in·stride, reach = dilation·(kernel - 1) + 1, the largest over what is
/// joined. Padding counts; strips of 1-D layers run along columns and are not told.  Araujo, Norris, Sim 2019, doi:10.23915/distill.00021.
/// </summary>
public static class ReceptiveFields
{
    /// <summary>Of every layer of a sequence whose input and output are images, by its place.</summary>
    public static IReadOnlyDictionary<string, int> Of(Network network)
    {
        if (network.Input.Rank != 3) return new Dictionary<string, int>();
        using var device = new CpuDevice(1);
        var tape = new Tape(device, TapeMode.Prediction, network.Input);
        tape.Finish(network.Record(tape));
        var fields = new Dictionary<Tensor, (int Reach, int Jump)> { [tape.Input] = (1, 1) };
        foreach (var node in tape.Nodes)
        {
            var (reach, jump) = (1, 1);
            foreach (var edge in node.Edges)
                if (fields.TryGetValue(edge.Tensor.Root, out var from)) (reach, jump) = (Math.Max(reach, from.Reach), Math.Max(jump, from.Jump));
            var (own, stride) = node.Field;
            fields[node.Output] = (checked(reach + (own - 1) * jump), checked(jump * stride));
        }
        return tape.Marks.Where(m => m.Output.Shape.Rank == 3).DistinctBy(m => m.Path).ToDictionary(m => m.Path, m => fields.GetValueOrDefault(m.Output.Root, (1, 1)).Item1);
    }
}
