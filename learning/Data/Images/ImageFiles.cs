namespace DistTrain.Learning;

/// <summary>Image files of a folder, and one of them as bytes of a size.</summary>
internal static class ImageFiles
{
    private const int MostBytes = 1 << 28;

    /// <summary>PNG files in ordinal order of their names.</summary>
    /// <exception cref="DatasetException">There are images of another kind.</exception>
    public static List<string> In(string folder)
    {
        var files = Directory.GetFiles(folder).Where(f => !Path.GetFileName(f).StartsWith('.')).ToList();
        var others = files.Where(f => Path.GetExtension(f).ToLowerInvariant() is ".jpg" or ".jpeg" or ".gif" or ".webp" or ".bmp" or ".tif" or ".tiff").Order(StringComparer.Ordinal).ToList();
        if (others.Count > 0)
            throw new DatasetException($"{folder} has {others.Count} image{(others.Count == 1 ? "" : "s")} that {(others.Count == 1 ? "is" : "are")} not PNG, such as {Path.GetFileName(others[0])}. Only PNG is read: convert them (for f in *.jpg; do convert \"$f\" \"${{f%.jpg}}.png\"; done), or take them away.");
        return [.. files.Where(f => Path.GetExtension(f).Equals(".png", StringComparison.OrdinalIgnoreCase)).OrderBy(f => Path.GetFileName(f), StringComparer.Ordinal)];
    }

    public static Picture Read(string path, SourceBytes source)
    {
        using var file = SourceFile.Open(path, source);
        var bytes = file.TakeAll(MostBytes);
        file.Finish("its pixels");
        return PngFile.Read(path, bytes);
    }

    /// <summary>Planes [channels, height, width] of a size, rounded to bytes.</summary>
    public static void Resized(Picture picture, int channels, Pair size, Span<byte> planes)
    {
        var whole = picture.Planes(channels);
        if ((picture.Height, picture.Width) == (size.Y, size.X))
        {
            whole.CopyTo(planes);
            return;
        }
        var (source, target) = (Array.ConvertAll(whole, b => (float)b), new float[channels * size.Y * size.X]);
        Resampling.Resize(source, channels, picture.Height, picture.Width, (0, 0, picture.Height, picture.Width), target, size.Y, size.X);
        for (var i = 0; i < target.Length; i++) planes[i] = (byte)Math.Clamp((int)MathF.Floor(target[i] + 0.5f), 0, 255);
    }
}
