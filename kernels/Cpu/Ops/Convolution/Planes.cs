using System.Runtime.CompilerServices;

namespace DistTrain.Kernels;

/// <summary>
/// Zero-padded copies of one sample's channels, in the thread's scratch: a tap of the kernel is then a constant offset, so the
/// tile kernel reads patches where they lie. A stride s is taken apart into s x s phase planes whose neighbours are s apart in the source.
/// </summary>
/// <remarks>plane (fy, fx) of channel c, row r, column q holds source (r·StepY + fy - PadY, q·StepX + fx - PadX), zero outside.</remarks>
internal unsafe struct Planes
{
    /// <summary>What a tile may read past the last plane.</summary>
    public const int Slack = 64;

    public int SourceHeight;
    public int SourceWidth;
    public int StepY;
    public int StepX;
    public int PadY;
    public int PadX;
    public int PhasesY;
    public int PhasesX;
    public int Rows;
    public int Pitch;

    public readonly long PlaneLength => (long)Rows * Pitch;

    public readonly long ChannelLength => PhasesY * PhasesX * PlaneLength;

    public readonly long Length(int channels) => channels * ChannelLength + Slack;

    /// <summary>Where position (0, 0) finds the element that lies (y, x) source steps further.</summary>
    public readonly long Offset(int channel, int y, int x) =>
        channel * ChannelLength + (y % StepY * PhasesX + x % StepX) * PlaneLength + y / StepY * (long)Pitch + x / StepX;

    public readonly void Clear(float* planes, int channels) => Panels.Zero(planes, Length(channels));

    /// <summary>Copies the source [channels, SourceHeight, SourceWidth] in; the border keeps the zeros of <see cref="Clear"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Fill(float* source, int channels, float* planes)
    {
        for (var c = 0; c < channels; c++, source += (long)SourceHeight * SourceWidth)
            for (var fy = 0; fy < PhasesY; fy++)
                for (var fx = 0; fx < PhasesX; fx++, planes += PlaneLength)
                {
                    var (firstRow, endRow) = Inside(PadY - fy, StepY, SourceHeight, Rows);
                    var (first, end) = Inside(PadX - fx, StepX, SourceWidth, Pitch);
                    if (firstRow >= endRow || first >= end) continue;
                    var from = source + (long)(firstRow * StepY + fy - PadY) * SourceWidth + (first * StepX + fx - PadX);
                    var to = planes + (long)firstRow * Pitch + first;
                    if (StepX == 1) Panels.Copy(from, (long)StepY * SourceWidth, to, Pitch, endRow - firstRow, end - first);
                    else
                        for (var row = firstRow; row < endRow; row++, from += (long)StepY * SourceWidth, to += Pitch)
                            for (var column = 0; column < end - first; column++) to[column] = from[(long)column * StepX];
                }
    }

    // The i in [0, count) with 0 <= i·step - pad < size.
    private static (int First, int End) Inside(int pad, int step, int size, int count) =>
        (Math.Max(0, CeilingOver(pad, step)), Math.Min(count, CeilingOver(size + pad, step)));

    private static int CeilingOver(int a, int step) => a > 0 ? (a + step - 1) / step : -(-a / step);
}
