using System.Runtime.InteropServices;

namespace DistTrain.Kernels;

/// <summary>The offset tables of <see cref="SampleLanes"/> for one shape and block of samples: made at the first use, kept by the op.</summary>
internal sealed unsafe class SampleLanesPlan
{
    // Pinned: the tables' addresses go to the compute threads.
    private readonly int[] _ints;
    private readonly int _depths;
    private readonly int _tables;
    private readonly int _height;
    private readonly int _width;
    private readonly int _columnClasses;

    private SampleLanesPlan(int height, int width, int rowClasses, int columnClasses, int tableInts)
    {
        (_height, _width, _columnClasses) = (height, width, columnClasses);
        _depths = 2 * (height + width);
        _tables = _depths + 2 * rowClasses * columnClasses;
        _ints = GC.AllocateArray<int>(_tables + tableInts, pinned: true);
    }

    /// <summary>y[n, o, oy, ox] from planes [channel, padded row, padded column, sample]: one class, taps in the order of the weights.</summary>
    public static SampleLanesPlan Forward(in Conv2dShape shape, int rows, int columns, int block)
    {
        var depth = shape.Channels / shape.Groups * shape.KernelY * shape.KernelX;
        var plan = new SampleLanesPlan(shape.OutY, shape.OutX, 1, 1, 2 * depth);
        for (var oy = 0; oy < shape.OutY; oy++) plan._ints[oy] = oy * shape.StrideY * columns;
        for (var ox = 0; ox < shape.OutX; ox++) plan._ints[2 * shape.OutY + ox] = ox * shape.StrideX;
        plan._ints[plan._depths] = depth;
        for (var k = 0; k < depth; k++)
        {
            var (c, ky, kx) = (k / (shape.KernelY * shape.KernelX), k / shape.KernelX % shape.KernelY, k % shape.KernelX);
            plan._ints[plan._tables + k] = k;
            plan._ints[plan._tables + depth + k] = checked(((c * rows + ky * shape.DilationY) * columns + kx * shape.DilationX) * block);
        }
        return plan;
    }

    /// <summary>dx[n, c, iy, ix] from planes [output, oy, ox, sample]: taps (o, ky, kx) whose output position exists.</summary>
    public static SampleLanesPlan Input(in Conv2dShape shape, int block)
    {
        var (channels, outputs, positions) = (shape.Channels / shape.Groups, shape.Outputs / shape.Groups, shape.OutY * shape.OutX);
        var axisY = new AxisTaps(shape.KernelY, shape.StrideY, shape.PaddingY, shape.DilationY, shape.Height, shape.OutY);
        var axisX = new AxisTaps(shape.KernelX, shape.StrideX, shape.PaddingX, shape.DilationX, shape.Width, shape.OutX);
        var tableInts = checked(2 * outputs * axisY.Classes.Sum(taps => taps.Count) * axisX.Classes.Sum(taps => taps.Count));
        var plan = new SampleLanesPlan(shape.Height, shape.Width, axisY.Classes.Length, axisX.Classes.Length, tableInts);
        var ints = plan._ints;
        for (var iy = 0; iy < shape.Height; iy++) (ints[iy], ints[shape.Height + iy]) = (axisY.OutputOf[iy] * shape.OutX, axisY.ClassOf[iy]);
        for (var ix = 0; ix < shape.Width; ix++) (ints[2 * shape.Height + ix], ints[2 * shape.Height + shape.Width + ix]) = (axisX.OutputOf[ix], axisX.ClassOf[ix]);
        var (pair, pairs, next) = (0, axisY.Classes.Length * axisX.Classes.Length, 0);
        foreach (var (firstY, countY) in axisY.Classes)
            foreach (var (firstX, countX) in axisX.Classes)
            {
                var depth = outputs * countY * countX;
                (ints[plan._depths + pair], ints[plan._depths + pairs + pair]) = (depth, next);
                pair++;
                var k = plan._tables + next;
                for (var o = 0; o < outputs; o++)
                    for (var y = 0; y < countY; y++)
                        for (var x = 0; x < countX; x++, k++)
                        {
                            ints[k] = (o * channels * shape.KernelY + firstY + y * axisY.TapStep) * shape.KernelX + firstX + x * axisX.TapStep;
                            ints[k + depth] = checked((o * positions - y * axisY.PositionStep * shape.OutX - x * axisX.PositionStep) * block);
                        }
                next += 2 * depth;
            }
        return plan;
    }

    public void AddressInto(ref SampleLanes job)
    {
        var ints = (int*)Marshal.UnsafeAddrOfPinnedArrayElement(_ints, 0);
        (job.Height, job.Width, job.ColumnClasses) = (_height, _width, _columnClasses);
        job.RowBase = ints;
        job.RowClass = ints + _height;
        job.ColumnBase = ints + 2 * _height;
        job.ColumnClass = job.ColumnBase + _width;
        job.Depths = ints + _depths;
        job.Starts = job.Depths + (_tables - _depths) / 2;
        job.Tables = ints + _tables;
    }
}
