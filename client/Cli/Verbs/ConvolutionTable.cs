using System.Globalization;
using System.Text.Json.Nodes;
using DistTrain.Learning;
using Spectre.Console;

namespace DistTrain.Cli;

/// <summary>What each convolution of a network costs, and what the other ways of doing its work would.</summary>
internal static class ConvolutionTable
{
    public static void Draw(Terminal terminal, Network network)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("convolution", "form");
        foreach (var column in new[] { "weights", "multiply-adds", "elements moved", "of standard" }) table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var (layer, window, costs) in Of(network))
            for (var i = 0; i < costs.Count; i++)
                table.AddRow(i == 0 ? Markup.Escape($"{layer.Path} {layer.Input} -> {layer.Output}, {window}") : "", costs[i].Form, Count(costs[i].Parameters), Count(costs[i].MultiplyAdds), Count(costs[i].MemoryAccess),
                    (costs[i].MultiplyAdds / (double)costs[0].MultiplyAdds).ToString("P1", CultureInfo.InvariantCulture));
        terminal.Drawing(terminal.Out, terminal.OutDraws).Write(table);
    }

    public static JsonArray ToJson(Network network) => [.. Of(network).Select(found => new JsonObject
    {
        ["path"] = found.Layer.Path, ["window"] = found.Window,
        ["forms"] = new JsonArray([.. found.Costs.Select(c => new JsonObject { ["form"] = c.Form, ["parameters"] = c.Parameters, ["multiplyAdds"] = c.MultiplyAdds, ["memoryAccess"] = c.MemoryAccess })]),
    })];

    // A 2-D convolution is a layer with weights [O, C / groups, KY, KX] between images.
    private static IEnumerable<(LayerSummary Layer, string Window, IReadOnlyList<ConvolutionCost> Costs)> Of(Network network) =>
        from layer in network.Layers
        where layer.Kind is "conv2d" or "depthwiseConv2d" or "pointwiseConv2d" && layer.Input.Rank == 3 && layer.Output.Rank == 3
        let weight = network.Parameters.FirstOrDefault(p => p.Name == $"{layer.Path}.weight" && p.Shape.Rank == 4)
        where weight is not null
        select (layer, string.Create(CultureInfo.InvariantCulture, $"{weight.Shape[2]} x {weight.Shape[3]}{(weight.Shape[1] == layer.Input[0] ? "" : $", {layer.Input[0] / weight.Shape[1]} groups here")}"),
            ConvolutionCosts.Of(layer.Input[0], (long)layer.Input[1] * layer.Input[2], layer.Output[0], (long)layer.Output[1] * layer.Output[2], (long)weight.Shape[2] * weight.Shape[3]));

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
