namespace DistTrain.Learning;

/// <summary>Images with a class for each pixel, as bytes: input x / 255 [C, H, W], target [H, W].</summary>
public sealed class PixelClasses : Dataset
{
    private readonly IReadOnlyList<(byte[] Planes, byte[] Classes)> _samples;

    /// <param name="samples">Planes [C, H, W] and classes [H, W] of each; kept, not copied.</param>
    public PixelClasses(Shape image, IReadOnlyList<(byte[] Planes, byte[] Classes)> samples, int classes, DatasetIdentity identity)
    {
        (InputShape, TargetShape, _samples, Classes, Identity) = (image, new Shape(image[1], image[2]), samples, classes, identity);
        foreach (var (planes, map) in samples)
            if (planes.Length != image.Length || map.Length != TargetShape.Length) throw new ArgumentException($"a sample has {planes.Length} values and {map.Length} classes; they must be {image} and {TargetShape}.", nameof(samples));
    }

    public override int Count => _samples.Count;

    public override Shape InputShape { get; }

    public override Shape TargetShape { get; }

    public override TargetKind TargetKind => TargetKind.Labels;

    public override int Classes { get; }

    public override DatasetIdentity Identity { get; }

    public override void Read(int index, Span<float> input, Span<int> target)
    {
        var (planes, classes) = _samples[index];
        for (var i = 0; i < input.Length; i++) input[i] = planes[i] / 255f;
        for (var i = 0; i < target.Length; i++) target[i] = classes[i];
    }
}
