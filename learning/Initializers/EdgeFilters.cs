using System.ComponentModel.DataAnnotations;

namespace DistTrain.Learning;

/// <summary>Which differences an edge filter takes.</summary>
public enum EdgeOperator
{
    /// <summary>1 2 1 across.</summary>
    Sobel,

    /// <summary>3 10 3 across: its directions are truer.</summary>
    Scharr,

    /// <summary>1 1 1 across.</summary>
    Prewitt,
}

/// <summary>
/// A convolution that finds edges: 3 x 3 differences in the eight directions of the compass, 45° apart, one an output channel and again from the ninth on; the first is d/dx = [-1 0 1; -2 0 2; -1 0 1] (Sobel), turned by
/// two d/dy; every input channel gets it, divided by their number. Larger odd windows have it in their middle. Freeze the weights (training.parameters) and they stay filters.  Sobel, Feldman 1968; Scharr 2000; Robinson 1977.
/// </summary>
[Named("edges")]
public sealed class EdgeFilters(EdgeFilters.Options options) : Initializer
{
    /// <param name="Operator">sobel, scharr or prewitt.</param>
    /// <param name="Gain">Multiplies the filter; 0.125 makes Sobel's d/dx that of an image a pixel apart.</param>
    public sealed record Options(EdgeOperator Operator = EdgeOperator.Sobel, [property: Range(-1e6, 1e6)] float Gain = 1f);

    // The eight outer places, clockwise from the upper left: row, column.
    private static readonly (int Y, int X)[] Ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)];

    public override string? Misfit(Shape shape, Fan fan) => shape.Rank == 4 && shape[2] == shape[3] && shape[2] % 2 == 1 && shape[2] >= 3 ? null
        : $"is {shape} and its initializer is edges, which takes the weights of a 2-D convolution with a square window of an odd side, 3 or more. Use another initializer, or such a window.";

    public override void Fill(Span<float> values, Fan fan, ulong key)
    {
        values.Clear();
        var outputs = Math.Max(1, values.Length / fan.In);
        var field = Math.Max(1, fan.Out / outputs);
        var side = 1;
        while ((side + 2) * (side + 2) <= field) side += 2;
        var (inputs, margin) = (fan.In / field, (side - 3) / 2);
        if (side * side != field || side < 3) throw new ArgumentException($"edges fills square windows of an odd side of 3 or more; this one has {field} places.", nameof(fan));
        var (corner, middle) = options.Operator switch { EdgeOperator.Scharr => (3f, 10f), EdgeOperator.Prewitt => (1f, 1f), _ => (1f, 2f) };
        ReadOnlySpan<float> east = [-corner, 0f, corner, middle, corner, 0f, -corner, -middle];
        for (var o = 0; o < outputs; o++)
            for (var i = 0; i < inputs; i++)
                for (var place = 0; place < 8; place++)
                {
                    // Turned by 90° at the second channel, then the directions between, then all of them the other way.
                    var turn = (o % 8) switch { 0 => 0, 1 => 2, 2 => 1, 3 => 3, var other => other };
                    var (y, x) = Ring[place];
                    values[((o * inputs + i) * side + margin + y) * side + margin + x] = options.Gain * east[(place - turn + 8) % 8] / inputs;
                }
    }
}
