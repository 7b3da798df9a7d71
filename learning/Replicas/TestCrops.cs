namespace DistTrain.Learning;

/// <summary>Several views of one image for a prediction: itself, shifted to four corners by an eighth of its side (zeros come in), and all of them mirrored.  Krizhevsky, Sutskever, Hinton 2012, section 4.1, with shifts in place of crops of a larger image.</summary>
public static class TestCrops
{
    /// <summary>How many views there can be.</summary>
    public static IReadOnlyList<int> Counts { get; } = [1, 2, 5, 10];

    /// <param name="image">[C, H, W].</param>
    /// <param name="count">1: the image; 2: and its mirror image; 5: and the four corners; 10: all five, mirrored too.</param>
    public static IReadOnlyList<float[]> Of(float[] image, Shape shape, int count)
    {
        if (shape.Rank != 3 || image.Length != shape.Length) throw new ArgumentException($"crops are of images [channels, height, width]; the network's input is {shape}.", nameof(shape));
        if (!Counts.Contains(count)) throw new ArgumentOutOfRangeException(nameof(count), $"crops is {count}. It must be one of {string.Join(", ", Counts)}.");
        var (dy, dx) = (Math.Max(1, shape[1] / 8), Math.Max(1, shape[2] / 8));
        (int Y, int X)[] shifts = count >= 5 ? [(0, 0), (-dy, -dx), (-dy, dx), (dy, -dx), (dy, dx)] : [(0, 0)];
        var views = shifts.Select(s => Moved(image, shape, s.Y, s.X, mirrored: false));
        return [.. count is 2 or 10 ? views.Concat(shifts.Select(s => Moved(image, shape, s.Y, s.X, mirrored: true))) : views];
    }

    private static float[] Moved(float[] image, Shape shape, int dy, int dx, bool mirrored)
    {
        var (height, width, moved) = (shape[1], shape[2], new float[image.Length]);
        for (var i = 0; i < moved.Length; i++)
        {
            var (plane, y, x) = (i / width / height, i / width % height + dy, (mirrored ? width - 1 - i % width : i % width) + dx);
            if ((uint)y < (uint)height && (uint)x < (uint)width) moved[i] = image[(plane * height + y) * width + x];
        }
        return moved;
    }
}
