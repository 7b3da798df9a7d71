namespace DistTrain.Learning;

/// <summary>Pooling of one and of three axes by pooling of two: a line is a plane of one row; a volume is pooled over its planes, then over its depth.</summary>
internal static class PooledAxes
{
    /// <summary>[C, T] to [C, OT].</summary>
    public static Shape BuildLine(LayerBuilder build, Shape input, Layer plane, int kernel, int padding)
    {
        if (input.Rank != 2 || input[1] + 2 * padding < kernel) throw build.Misfit(input, $"[channels, steps] of at least {kernel - 2 * padding}");
        return new Shape(input[0], plane.Build(build, new Shape(input[0], 1, input[1]))[2]);
    }

    public static Tensor Line(Tape tape, Tensor x, Layer plane)
    {
        var y = plane.Forward(tape, x.Reshape(new Shape(x.Shape[0], 1, x.Shape[1])));
        return y.Reshape(new Shape(y.Shape[0], y.Shape[2]));
    }

    /// <summary>[C, D, H, W] to [C, OD, OY, OX].</summary>
    public static Shape BuildVolume(LayerBuilder build, Shape input, Layer plane, Layer column, int depth)
    {
        if (input.Rank != 4 || input[1] < depth) throw build.Misfit(input, $"[channels, depth (at least {depth}), height, width]");
        var planes = plane.Build(build, new Shape(input[0] * input[1], input[2], input[3]));
        var columns = column.Build(build, new Shape(input[0], input[1], planes[1] * planes[2]));
        return new Shape(input[0], columns[1], planes[1], planes[2]);
    }

    public static Tensor Volume(Tape tape, Tensor x, Layer plane, Layer column)
    {
        var planes = plane.Forward(tape, x.Reshape(new Shape(x.Shape[0] * x.Shape[1], x.Shape[2], x.Shape[3])));
        var columns = column.Forward(tape, planes.Reshape(new Shape(x.Shape[0], x.Shape[1], planes.Shape[1] * planes.Shape[2])));
        return columns.Reshape(new Shape(x.Shape[0], columns.Shape[1], planes.Shape[1], planes.Shape[2]));
    }

    public static string LineToOnnx(OnnxGraph graph, string x, Shape input, Layer plane)
    {
        var row = new Shape(input[0], 1, input[1]);
        return graph.Add("Squeeze", [plane.ToOnnx(graph, graph.Reshape(x, row.Axes), row), graph.Constant([2L])]);
    }

    // As Forward has it: planes, then depth.
    public static string VolumeToOnnx(OnnxGraph graph, string x, Shape input, Layer plane, Layer column)
    {
        var (planes, none) = (new Shape(input[0] * input[1], input[2], input[3]), new List<Parameter>());
        var pooled = plane.Build(new LayerBuilder("", "", none, []), planes);
        var columns = new Shape(input[0], input[1], pooled[1] * pooled[2]);
        var depth = column.Build(new LayerBuilder("", "", none, []), columns)[1];
        var y = graph.Reshape(plane.ToOnnx(graph, graph.Reshape(x, planes.Axes), planes), columns.Axes);
        return graph.Reshape(column.ToOnnx(graph, y, columns), input[0], depth, pooled[1], pooled[2]);
    }
}
