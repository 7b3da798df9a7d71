namespace DistTrain.Learning;

/// <summary>
/// Mean and standard deviation (of the population: divided by N) of each channel of a data set's inputs, in double.
/// A channel is axis 0 of [C, H, W] and of [C, D, H, W], the last axis otherwise. A channel that never varies has deviation 1, so that it becomes 0, to rounding.
/// </summary>
public sealed record ChannelStatistics(IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    /// <summary>How the elements of a shape belong to channels: element e is of channel (e / Inner) % Channels.</summary>
    public static (int Channels, int Inner) ChannelsOf(Shape input) => input.Rank switch
    {
        0 => (1, 1),
        3 or 4 => (input[0], input.Length / input[0]),
        _ => (input[-1], 1),
    };

    /// <summary>Statistics of a set: images by their histogram, in whole numbers; other sets in two passes, samples and elements in order.</summary>
    public static ChannelStatistics Of(Dataset data)
    {
        if (data.Count == 0) throw new DatasetException($"{data.Identity.Description} has no samples, so there is no mean to standardize by. Give a training set with at least one sample, or set standardize to false.");
        return data is ByteImages images ? OfImages(images) : OfValues(data);
    }

    private static ChannelStatistics OfImages(ByteImages images)
    {
        var (channels, plane) = ChannelsOf(images.InputShape);
        var pixels = images.Pixels;
        var (means, deviations) = (new double[channels], new double[channels]);
        var counts = new long[channels, 256];
        for (var at = 0; at < pixels.Length; at += plane)
        {
            var channel = at / plane % channels;
            foreach (var value in pixels.Slice(at, plane)) counts[channel, value]++;
        }
        Int128 n = (long)images.Count * plane;
        for (var c = 0; c < channels; c++)
        {
            Int128 sum = 0, squares = 0;
            for (var value = 0; value < 256; value++)
            {
                sum += (Int128)counts[c, value] * value;
                squares += (Int128)counts[c, value] * (value * value);
            }
            means[c] = (double)sum / ((double)n * 255);
            deviations[c] = DeviationOf((double)(n * squares - sum * sum) / ((double)n * (double)n * 255 * 255));
        }
        return new(means, deviations);
    }

    private static ChannelStatistics OfValues(Dataset data)
    {
        var (channels, inner) = ChannelsOf(data.InputShape);
        var (means, squares) = (new double[channels], new double[channels]);
        var input = new float[data.InputShape.Length];
        var target = new int[data.TargetShape.Length];
        var perChannel = (double)data.Count * (input.Length / channels);
        for (var i = 0; i < data.Count; i++)
        {
            data.Read(i, input, target);
            for (var e = 0; e < input.Length; e++) means[e / inner % channels] += input[e];
        }
        for (var c = 0; c < channels; c++) means[c] /= perChannel;
        for (var i = 0; i < data.Count; i++)
        {
            data.Read(i, input, target);
            for (var e = 0; e < input.Length; e++)
            {
                var difference = input[e] - means[e / inner % channels];
                squares[e / inner % channels] += difference * difference;
            }
        }
        for (var c = 0; c < channels; c++) squares[c] = DeviationOf(squares[c] / perChannel);
        return new(means, squares);
    }

    private static double DeviationOf(double variance) => variance > 0 ? Math.Sqrt(variance) : 1;
}
