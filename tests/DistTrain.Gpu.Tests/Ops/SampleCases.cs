using DistTrain.Kernels;

namespace DistTrain.Gpu.Tests;

/// <summary>Ops that sum over samples or run over time: losses, batch normalization, LSTM.</summary>
internal static class SampleCases
{
    private static readonly Segments Four = new([0, 2, 3, 3, 6, 7]);

    public static IEnumerable<OpCase> All(int size)
    {
        foreach (var (classes, rows, smoothing) in new[] { (10, 1, 0f), (3, 2, 0.1f), (37, 1, 0.05f), (16, 1, 0f), (3 * size, 1, 0f) })
        {
            yield return new($"cross entropy of {classes} classes, {rows} rows a sample, smoothing {smoothing}", o =>
                o.Device.Op<ISoftmaxCrossEntropy>().Forward(Four, rows, classes, o.In(7 * rows * classes, 5f), o.Ints(7 * rows, classes), 0.125f, smoothing, o.Out(7 * rows * classes), o.InOut(o.In(2))));
            yield return new($"cross entropy of {classes} classes without gradient", o =>
                o.Device.Op<ISoftmaxCrossEntropy>().Forward(Four, rows, classes, o.In(7 * rows * classes, 5f), o.Ints(7 * rows, classes), 0.125f, smoothing, View.None, o.InOut(o.In(2))));
        }
        yield return new("cross entropy with ties", o =>
            o.Device.Op<ISoftmaxCrossEntropy>().Forward(Segments.One(7), 1, 2, o.Put([1, 1, 2, 2, 0, 3, 3, 0, 1, 1, 5, 5, -1, -1]), o.Ints(7, 2), 1f, 0f, o.Out(14), o.InOut(o.Put([0, 0]))));
        yield return new("cross entropy in place, of several chunks", o =>
        {
            var logits = o.InOut(o.In(2 * 700 * 2, 3f));
            o.Device.Op<ISoftmaxCrossEntropy>().Forward(new Segments([0, 1, 2]), 700, 2, logits, o.Ints(1400, 2), 1f / 1400, 0f, logits, o.InOut(o.Put([0.5f, 3f])));
        });
        yield return new("mean squared error", o =>
            o.Device.Op<IMeanSquaredError>().Forward(Four, 19, o.In(7 * 19), o.In(7 * 19), 0.01f, o.Out(7 * 19), o.InOut(o.In(1))));
        yield return new("mean squared error without gradient", o =>
            o.Device.Op<IMeanSquaredError>().Forward(Four, 5, o.In(35), o.In(35), 0.01f, View.None, o.InOut(o.In(1))));
        yield return new("huber", o => o.Device.Op<IElementwiseLoss<HuberDifference>>().Forward(new(0.7f), Four, 19, o.In(7 * 19), o.In(7 * 19), false, 0.01f, o.Out(7 * 19), o.InOut(o.In(2))));
        yield return new("logistic loss of labels", o => o.Device.Op<IElementwiseLoss<LogisticLoss>>().Forward(new(2f), Four, 1, o.In(7), o.Ints(7, 2), true, 0.01f, o.Out(7), o.InOut(o.In(2))));
        yield return new("logistic loss without gradient", o => o.Device.Op<IElementwiseLoss<LogisticLoss>>().Forward(new(1f), Four, 5, o.In(35), o.In(35), false, 0.01f, View.None, o.InOut(o.In(2))));
        foreach (var (channels, positions) in new[] { (3, 20), (5, 1), (2, size * size / 2) })
        {
            var length = 7 * channels * positions;
            yield return new($"batch norm of {channels} channels, {positions} positions", o => o.Device.Op<IBatchNorm>().Forward(
                Four, channels, positions, 1e-5f, o.In(length, 2f, 1f), o.In(channels), o.In(channels), o.Out(length), o.Out(4 * channels), o.Out(4 * channels), o.Out(3 * channels)));
            yield return new($"batch norm of {channels} channels, {positions} positions, gradients", o => o.Device.Op<IBatchNorm>().Backward(
                Four, channels, positions, o.In(length), o.In(channels), o.In(4 * channels), o.In(4 * channels, 0.5f, 1f), o.In(length), o.Out(length), o.Out(channels), o.Out(channels)));
            yield return new($"batch norm of {channels} channels, {positions} positions, evaluation", o => o.Device.Op<IBatchNorm>().ForwardEvaluation(
                7, channels, positions, 1e-5f, o.In(length), o.In(channels), o.In(channels), o.In(3 * channels, 0.5f, 1f), o.Out(length)));
        }
        foreach (var initial in new[] { false, true })
        {
            var shape = new LstmShape(3, 4, 5);
            yield return new($"lstm{(initial ? " with initial states" : "")}", o => Lstm(o, shape, initial, gradients: false));
            yield return new($"lstm gradients{(initial ? " with initial states" : "")}", o => Lstm(o, shape, initial, gradients: true));
        }
    }

    private static void Lstm(Operands o, LstmShape s, bool initial, bool gradients)
    {
        const int samples = 7;
        var (rows, h) = (samples * s.Steps, s.Hidden);
        var (x, wInput, wHidden, bInput, bHidden) = (o.In(rows * s.Inputs), o.In(4 * h * s.Inputs), o.In(4 * h * h), o.In(4 * h), o.In(4 * h));
        var (h0, c0) = initial ? (o.In(samples * h), o.In(samples * h)) : (View.None, View.None);
        var (y, gates, cells) = (o.Out(rows * h), o.Out(rows * 4 * h), o.Out(rows * h));
        o.Device.Op<ILstm>().Forward(s, samples, x, wInput, wHidden, bInput, bHidden, h0, c0, y, gates, cells);
        if (gradients)
            o.Device.Op<ILstm>().Backward(s, Four, x, wInput, wHidden, h0, c0, y, gates, cells, o.In(rows * h), o.Out(rows * 4 * h), o.Out(rows * s.Inputs),
                o.Out(4 * h * s.Inputs), o.Out(4 * h * h), o.Out(4 * h), o.Out(4 * h));
    }
}
