using System.ComponentModel.DataAnnotations;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Turns the hue of every pixel by a share of the colour wheel drawn evenly from [-by, by]; value and saturation (HSV) stay. Grey images stay.</summary>
[Named("hue")]
public sealed class Hue(Hue.Options options) : Augmentation
{
    /// <param name="By">Largest turn; 0.5 is the opposite colour.</param>
    public sealed record Options([property: Range(0.0, 0.5)] double By = 0.1);

    public override void Apply(AugmentedSample sample, ref RandomStream random)
    {
        var turn = (float)options.By * random.NextUniform(-1f, 1f);
        if (sample.Channels != 3) return;
        for (var i = 0; i < sample.Height * sample.Width; i++)
        {
            ref var r = ref sample.Plane(0)[i];
            ref var g = ref sample.Plane(1)[i];
            ref var b = ref sample.Plane(2)[i];
            (r, g, b) = Turned(r, g, b, turn);
        }
    }

    /// <summary>A colour (HSV) whose hue is turned by a share of the wheel.</summary>
    public static (float R, float G, float B) Turned(float r, float g, float b, float turn)
    {
        var (most, least) = (MathF.Max(r, MathF.Max(g, b)), MathF.Min(r, MathF.Min(g, b)));
        var range = most - least;
        if (range == 0f) return (r, g, b);
        // Sixths of the wheel: red 0, green 2, blue 4.
        var hue = most == r ? (g - b) / range : most == g ? (b - r) / range + 2f : (r - g) / range + 4f;
        hue += 6f * turn;
        hue -= 6f * MathF.Floor(hue / 6f);
        var sector = Math.Min(5, (int)hue);
        var part = hue - sector;
        var (rising, falling) = (MathF.FusedMultiplyAdd(range, part, least), MathF.FusedMultiplyAdd(-range, part, most));
        return sector switch { 0 => (most, rising, least), 1 => (falling, most, least), 2 => (least, most, rising), 3 => (least, falling, most), 4 => (rising, least, most), _ => (most, least, falling) };
    }
}
