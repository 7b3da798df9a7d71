using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>One place of one sample where a unit is active.</summary>
/// <param name="Sample">Index in the set.</param>
/// <param name="Value">The activation.</param>
/// <param name="Y">Row of the layer's output.</param>
/// <param name="X">Column.</param>
public readonly record struct Activation(int Sample, float Value, int Y, int X);

/// <summary>
/// What the units of convolutions look for: the nine patches of a data set that excite a filter most, and for each the deconvnet's view, the unit's activation sent back to the pixels: transposed convolutions,
/// maxima put back where they were (un-pooling by switches), and a ReLU of the signal itself at every ReLU. Zeiler, Fergus 2014, arXiv:1311.2901.
/// </summary>
/// <remarks>A block inside the sequence (residual, inception) is run back as one layer, by its own gradient.</remarks>
public static class UnitPictures
{
    /// <summary>Patches of a unit.</summary>
    public const int Top = 9;

    // Pixels that the larger side of a patch should have at least.
    private const int PatchPixels = 36;

    private const int Batch = 32;

    /// <summary>The places in the sequence whose output is [C, H, W] behind a convolution, and behind the ReLU that follows it where one does.</summary>
    public static IReadOnlyList<int> Places(Network network)
    {
        var (sequence, places) = (network.Sequence, new List<int>());
        for (var i = 0; i < sequence.Count; i++)
            if (sequence[i].Output.Rank == 3 && network.Parameters.Any(p => p.Shape.Rank == 4 && p.Name.StartsWith($"{sequence[i].Path}.", StringComparison.Ordinal)))
                places.Add(i + 1 < sequence.Count && sequence[i + 1].Layer is Relu or Relu6 ? i + 1 : i);
        return places;
    }

    /// <summary>The strongest activations of each channel behind a place, one a sample, strongest first (the first sample of equals).</summary>
    /// <param name="samples">How many of the set are looked at, from its start.</param>
    public static IReadOnlyList<IReadOnlyList<Activation>> Strongest(Network network, ReadOnlySpan<float> weights, int place, Dataset data, int samples)
    {
        using var device = new CpuDevice(Environment.ProcessorCount);
        using var view = new LayerView(network, device);
        using var buffer = device.Allocate(weights.Length);
        buffer.Write(0, weights);
        var (path, shape) = (network.Sequence[place].Path, network.Sequence[place].Output);
        var (channels, width, plane) = (shape[0], shape[2], shape[1] * shape[2]);
        var found = Enumerable.Range(0, channels).Select(_ => new List<Activation>()).ToArray();
        var (input, inputs, target) = (data.InputShape.Length, new float[Batch * data.InputShape.Length], new int[data.TargetShape.Length]);
        for (var first = 0; first < samples; first += Batch)
        {
            var (count, from) = (Math.Min(Batch, samples - first), first);
            for (var n = 0; n < count; n++) data.Read(first + n, inputs.AsSpan(n * input, input), target);
            view.Look(inputs.AsSpan(0, count * input), count, buffer.View, (at, _, _, values) =>
            {
                if (at != path) return;
                for (var n = 0; n < count; n++)
                    for (var c = 0; c < channels; c++)
                    {
                        var of = values.Slice((n * channels + c) * plane, plane);
                        var best = 0;
                        for (var i = 1; i < plane; i++)
                            if (of[i] > of[best]) best = i;
                        var (list, value) = (found[c], of[best]);
                        if (list.Count == Top && !(value > list[^1].Value)) continue;
                        var rank = list.FindIndex(a => value > a.Value) is >= 0 and var r ? r : list.Count;
                        list.Insert(rank, new Activation(from + n, value, best / width, best % width));
                        if (list.Count > Top) list.RemoveAt(Top);
                    }
            });
        }
        return found;
    }

    /// <summary>The deconvnet's view of one activation: [C, H, W] of the network's input.</summary>
    public static float[] Back(Network network, ReadOnlySpan<float> weights, int place, int channel, Activation activation, ReadOnlySpan<float> sample)
    {
        using var device = new CpuDevice(1);
        using var buffer = device.Allocate(weights.Length);
        buffer.Write(0, weights);
        using var stages = new Stages(network, place, device);
        return stages.Back(sample, channel, activation, buffer.View);
    }

    /// <summary>A picture of some units of a place: a row for each, its nine patches on the left, their deconvnet views on the right (grey is 0). Units are those whose strongest activation is largest.</summary>
    public static Picture Draw(Network network, ReadOnlySpan<float> weights, int place, Dataset data, int samples, int units)
    {
        using var device = new CpuDevice(1);
        using var buffer = device.Allocate(weights.Length);
        buffer.Write(0, weights);
        using var stages = new Stages(network, place, device);
        var strongest = Strongest(network, weights, place, data, samples);
        var shown = Enumerable.Range(0, strongest.Count).Where(c => strongest[c].Count > 0).OrderByDescending(c => strongest[c][0].Value).ThenBy(c => c).Take(units).ToArray();
        var (field, image) = (new PatchField(network, place), network.Input);
        var (h, w) = (Math.Min(field.Size, image[1]), Math.Min(field.Size, image[2]));
        var scale = Math.Max(1, (PatchPixels + Math.Max(h, w) - 1) / Math.Max(h, w));
        var sheet = new TileSheet(Math.Max(1, shown.Length), 6, 3, h, w, scale);
        var (sample, target) = (new float[image.Length], new int[data.TargetShape.Length]);
        for (var row = 0; row < shown.Length; row++)
            for (var rank = 0; rank < strongest[shown[row]].Count; rank++)
            {
                var activation = strongest[shown[row]][rank];
                data.Read(activation.Sample, sample, target);
                var back = stages.Back(sample, shown[row], activation, buffer.View);
                var (top, left) = field.Corner(activation, image, h, w);
                sheet.Put(row, rank / 3, rank % 3, Cut(sample, image, top, left, h, w, around: null));
                sheet.Put(row, rank / 3, 3 + rank % 3, Cut(back, image, top, left, h, w, around: 0f));
            }
        return sheet.Picture;
    }

    // A part of an image as bytes, three channels: from its least to its largest value, or with a value at grey.
    private static byte[] Cut(ReadOnlySpan<float> values, Shape image, int top, int left, int h, int w, float? around)
    {
        float least = float.PositiveInfinity, most = float.NegativeInfinity;
        foreach (var value in values) (least, most) = (MathF.Min(least, value), MathF.Max(most, value));
        if (around is { } middle) (least, most) = (middle - MathF.Max(most - middle, middle - least), middle + MathF.Max(most - middle, middle - least));
        var bytes = new byte[h * w * 3];
        for (var y = 0; y < h; y++)
            for (var x = 0; x < w; x++)
                for (var c = 0; c < 3; c++)
                {
                    var value = values[((image[0] == 3 ? c : 0) * image[1] + top + y) * image[2] + left + x];
                    bytes[(y * w + x) * 3 + c] = (byte)(most > least ? Math.Clamp(255 * (value - least) / (most - least) + 0.5f, 0, 255) : 128);
                }
        return bytes;
    }

    /// <summary>Each layer up to a place on a tape of its own.</summary>
    private sealed class Stages : IDisposable
    {
        private readonly List<(Layer Layer, NetworkPart Part)> _parts = [];
        private readonly Shape _shape;

        public Stages(Network network, int place, Device device)
        {
            _shape = network.Sequence[place].Output;
            foreach (var entry in network.Sequence.Take(place + 1)) _parts.Add((entry.Layer, new NetworkPart(network, [entry], device)));
        }

        public float[] Back(ReadOnlySpan<float> sample, int channel, Activation activation, View weights)
        {
            var entering = new float[_parts.Count][];
            entering[0] = sample.ToArray();
            for (var i = 0; i + 1 < _parts.Count; i++) entering[i + 1] = _parts[i].Part.Run(entering[i], [], weights).Output;
            var signal = new float[_shape.Length];
            signal[(channel * _shape[1] + activation.Y) * _shape[2] + activation.X] = activation.Value;
            for (var i = _parts.Count - 1; i >= 0; i--)
                if (_parts[i].Layer is Relu or Relu6) signal = Array.ConvertAll(signal, v => v > 0 ? v : 0f);
                else signal = _parts[i].Part.Run(entering[i], signal, weights).InputGradient;
            return signal;
        }

        public void Dispose()
        {
            foreach (var (_, part) in _parts) part.Dispose();
        }
    }
}
