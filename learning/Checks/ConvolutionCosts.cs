namespace DistTrain.Learning;

/// <summary>What one way of doing a convolution's work costs.</summary>
/// <param name="Form">standard, grouped, depthwise + pointwise, pointwise, grouped pointwise + shuffle.</param>
/// <param name="Parameters">Weights, without biases.</param>
/// <param name="MultiplyAdds">Of one sample.</param>
/// <param name="MemoryAccess">Elements read and written for one sample: the layers' inputs, outputs and weights. Ma et al. 2018, arXiv:1807.11164, rule 1.</param>
public sealed record ConvolutionCost(string Form, long Parameters, long MultiplyAdds, long MemoryAccess);

/// <summary>The other ways to do what a convolution does, and their price: [C, H, W] to [O, OY, OX] through a K x K window.</summary>
public static class ConvolutionCosts
{
    /// <param name="c">Input channels.</param>
    /// <param name="input">Positions of an input plane.</param>
    /// <param name="o">Output channels.</param>
    /// <param name="output">Positions of an output plane.</param>
    /// <param name="window">Weights of one window, K².</param>
    /// <param name="groups">Of the grouped forms; those that do not divide the channels are left out.</param>
    public static IReadOnlyList<ConvolutionCost> Of(long c, long input, long o, long output, long window, int groups = 4)
    {
        var costs = new List<ConvolutionCost> { Plain("standard", 1, window) };
        if (groups > 1 && c % groups == 0 && o % groups == 0) costs.Add(Plain($"grouped ({groups})", groups, window));
        // One window a channel, then 1 x 1 over channels: C·K² + C·O weights.
        costs.Add(new ConvolutionCost("depthwise + pointwise", c * window + c * o, output * (c * window + c * o), c * input + c * output + c * window + c * output + o * output + c * o));
        costs.Add(Plain("pointwise", 1, 1));
        // A unit's two grouped 1 x 1 convolutions around a depthwise one; the shuffle between them moves C·positions elements and multiplies nothing.
        if (groups > 1 && c % groups == 0 && o % groups == 0)
            costs.Add(new ConvolutionCost($"grouped pointwise ({groups}) + shuffle + depthwise", c * o / groups + o * window, output * (c * o / groups + o * window), c * input + c * o / groups + o * output + 2 * o * output + 2 * o * output + o * window));
        return costs;

        ConvolutionCost Plain(string form, long g, long taps) => new(form, c / g * o * taps, output * o * (c / g) * taps, c * input + o * output + c / g * o * taps);
    }
}
