using System.Text;

namespace DistTrain.Cli;

/// <summary>A one-channel image as text, two rows of pixels a line.</summary>
internal static class CharacterPicture
{
    private const string Ramp = " .:-=+*#%@";

    /// <param name="pixels">[height, width].</param>
    public static string Of(ReadOnlySpan<float> pixels, int height, int width)
    {
        var (low, high) = (float.MaxValue, float.MinValue);
        foreach (var pixel in pixels) (low, high) = (Math.Min(low, pixel), Math.Max(high, pixel));
        var text = new StringBuilder();
        for (var y = 0; y < height; y += 2)
        {
            var line = new StringBuilder("  ");
            for (var x = 0; x < width; x++)
            {
                var value = (pixels[y * width + x] + pixels[Math.Min(y + 1, height - 1) * width + x]) / 2;
                line.Append(high > low ? Ramp[(int)((Ramp.Length - 1) * (value - low) / (high - low) + 0.5f)] : Ramp[0]);
            }
            text.Append(line.ToString().TrimEnd()).Append('\n');
        }
        return text.ToString();
    }
}
