using DistTrain.Kernels;
using static DistTrain.Learning.DigitStrokes;

namespace DistTrain.Learning;

/// <summary>
/// Draws one digit of 28 x 28 bytes: a skeleton whose points are shaken, bent by a smooth random field (elastic distortion),
/// turned, slanted, scaled and moved (affine), inked with a pen whose width varies along the stroke, then blurred and given
/// uneven ink and noise. + - * / and comparisons of float32 only: the same bytes on every machine.
/// </summary>
internal sealed class DigitDrawing
{
    public const int Side = 28;

    /// <summary>Goes into the identity of the set: raised whenever any pixel of any sample would change.</summary>
    public const int Version = 1;

    private const int PiecesPerSpan = 6;
    private const int FieldSide = 4;

    private readonly float[] _ink = new float[Side * Side];
    private readonly float[] _blurred = new float[Side * Side];
    private readonly float[] _fieldX = new float[FieldSide * FieldSide];
    private readonly float[] _fieldY = new float[FieldSide * FieldSide];
    private readonly Point[] _points = new Point[64];

    /// <summary>Draws <paramref name="digit"/> with everything random taken from <paramref name="random"/>; pixels [28, 28] are overwritten.</summary>
    public void Draw(int digit, ref RandomStream random, Span<byte> pixels)
    {
        Array.Clear(_ink);
        for (var i = 0; i < _fieldX.Length; i++) (_fieldX[i], _fieldY[i]) = (0.05f * random.NextBell(), 0.05f * random.NextBell());
        var placement = Placement.Next(digit, ref random);
        var radius = random.NextUniform(0.75f, 1.75f);
        foreach (var stroke in Of(digit, random.Next(StylesOf(digit)))) Stroke(stroke, placement, radius, ref random);
        Degrade(ref random, pixels);
    }

    private void Stroke(Point[] stroke, in Placement placement, float radius, ref RandomStream random)
    {
        var points = _points.AsSpan(0, stroke.Length);
        for (var i = 0; i < stroke.Length; i++)
        {
            var (x, y) = (stroke[i].X + 0.022f * random.NextBell(), stroke[i].Y + 0.022f * random.NextBell());
            points[i] = new(x, y, stroke[i].Corner);
        }
        var (startWidth, endWidth) = (random.NextUniform(0.75f, 1.15f), random.NextUniform(0.65f, 1.15f));
        var spans = points.Length - 1;
        var (lastX, lastY) = Place(points[0].X, points[0].Y, placement);
        for (var span = 0; span < spans; span++)
        {
            var (a, b) = (points[span], points[span + 1]);
            // Catmull-Rom tangents; at an end or a corner the curve leaves along the chord.
            var before = span == 0 || a.Corner ? a : points[span - 1];
            var after = span + 2 > spans || b.Corner ? b : points[span + 2];
            for (var piece = 1; piece <= PiecesPerSpan; piece++)
            {
                var t = piece * (1f / PiecesPerSpan);
                var (x, y) = Place(Spline(before.X, a.X, b.X, after.X, t), Spline(before.Y, a.Y, b.Y, after.Y, t), placement);
                var along = (span + t) / spans;
                Ink(lastX, lastY, x, y, radius * (startWidth + (endWidth - startWidth) * along));
                (lastX, lastY) = (x, y);
            }
        }
    }

    private static float Spline(float p0, float p1, float p2, float p3, float t) =>
        p1 + 0.5f * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)));

    // Box coordinates to pixels: bend, then the affine map.
    private (float X, float Y) Place(float x, float y, in Placement placement)
    {
        var (bentX, bentY) = (x + Field(_fieldX, x, y) - 0.5f, y + Field(_fieldY, x, y) - 0.5f);
        return (placement.XX * bentX + placement.XY * bentY + placement.X, placement.YX * bentX + placement.YY * bentY + placement.Y);
    }

    // Displacements on a 4 x 4 grid over the box, smoothed by the uniform quadratic B-spline.
    private static float Field(float[] grid, float x, float y)
    {
        var (fx, fy) = (1.999f * Clamp(x), 1.999f * Clamp(y));
        var (column, row) = ((int)fx, (int)fy);
        Span<float> wx = stackalloc float[3], wy = stackalloc float[3];
        Weights(fx - column, wx);
        Weights(fy - row, wy);
        var sum = 0f;
        for (var j = 0; j < 3; j++)
            for (var i = 0; i < 3; i++)
                sum += wy[j] * wx[i] * grid[(row + j) * FieldSide + column + i];
        return sum;
    }

    private static void Weights(float t, Span<float> weights)
    {
        weights[0] = 0.5f * (1 - t) * (1 - t);
        weights[1] = 0.5f + t - t * t;
        weights[2] = 0.5f * t * t;
    }

    private static float Clamp(float value) => value < 0 ? 0 : value > 1 ? 1 : value;

    // Coverage of a pen of this radius along one piece, soft over one pixel at its edge; the darkest stroke wins.
    private void Ink(float x0, float y0, float x1, float y1, float radius)
    {
        var reach = radius + 0.5f;
        var (dx, dy) = (x1 - x0, y1 - y0);
        var inverse = 1f / (dx * dx + dy * dy + 1e-12f);
        var (left, right) = (Pixel(Math.Min(x0, x1) - reach), Pixel(Math.Max(x0, x1) + reach));
        var (top, bottom) = (Pixel(Math.Min(y0, y1) - reach), Pixel(Math.Max(y0, y1) + reach));
        for (var row = top; row <= bottom; row++)
            for (var column = left; column <= right; column++)
            {
                var (px, py) = (column - x0, row - y0);
                var along = Clamp((px * dx + py * dy) * inverse);
                var (ox, oy) = (px - along * dx, py - along * dy);
                var squared = ox * ox + oy * oy;
                if (squared >= reach * reach) continue;
                var coverage = Clamp(reach - MathF.Sqrt(squared));
                ref var ink = ref _ink[row * Side + column];
                if (coverage > ink) ink = coverage;
            }
    }

    private static int Pixel(float at) => at < 0 ? 0 : at > Side - 1 ? Side - 1 : (int)at;

    private void Degrade(ref RandomStream random, Span<byte> pixels)
    {
        var side = random.NextUniform(0f, 0.16f);
        var (middle, strength, noise) = (1 - 2 * side, random.NextUniform(0.7f, 1.15f), random.NextUniform(0f, 0.06f));
        for (var row = 0; row < Side; row++)
            for (var column = 0; column < Side; column++)
            {
                var at = row * Side + column;
                var (west, east) = (column == 0 ? 0 : _ink[at - 1], column == Side - 1 ? 0 : _ink[at + 1]);
                _blurred[at] = middle * _ink[at] + side * (west + east);
            }
        for (var row = 0; row < Side; row++)
            for (var column = 0; column < Side; column++)
            {
                var at = row * Side + column;
                var (north, south) = (row == 0 ? 0 : _blurred[at - Side], row == Side - 1 ? 0 : _blurred[at + Side]);
                var ink = middle * _blurred[at] + side * (north + south);
                var value = strength * ink + noise * random.NextCoarseBell();
                pixels[at] = (byte)(255f * Clamp(value) + 0.5f);
            }
    }

    /// <summary>pixel = [XX XY; YX YY] (box - 0.5) + (X, Y).</summary>
    private readonly record struct Placement(float XX, float XY, float YX, float YY, float X, float Y)
    {
        public static Placement Next(int digit, ref RandomStream random)
        {
            var height = random.NextUniform(15.5f, 21f);
            var width = height * random.NextUniform(0.68f, 1.02f) * (digit == 1 ? 0.8f : 1f);
            // Rational form of a turn: t = tan(angle / 2).
            var t = 0.05f * random.NextBell();
            var (cos, sin) = ((1 - t * t) / (1 + t * t), 2 * t / (1 + t * t));
            var slant = 0.12f + 0.16f * random.NextBell();
            var (x, y) = (random.NextUniform(-2.3f, 2.3f), random.NextUniform(-2.3f, 2.3f));
            // turn * slant * scale
            var (xx, xy, yy) = (width, -slant * height, height);
            return new(cos * xx, cos * xy - sin * yy, sin * xx, sin * xy + cos * yy, 13.5f + x, 13.5f + y);
        }
    }
}
