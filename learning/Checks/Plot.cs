namespace DistTrain.Learning;

/// <summary>Lines and levels on a white picture: axes are scaled to what they hold, numbers stand in the CSV beside it.</summary>
public sealed class Plot
{
    /// <summary>Colours of lines in order: blue, orange, green, red, purple, brown.</summary>
    public static readonly IReadOnlyList<(byte R, byte G, byte B)> Colors = [(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75)];

    private readonly byte[] _pixels;
    private readonly (double X0, double Y0, double X1, double Y1) _window;

    /// <param name="window">What the picture shows; y grows upwards.</param>
    public Plot(int width, int height, (double X0, double Y0, double X1, double Y1) window)
    {
        (Width, Height, _window, _pixels) = (width, height, window, new byte[3 * width * height]);
        _pixels.AsSpan().Fill(255);
    }

    public int Width { get; }

    public int Height { get; }

    public Picture Picture => new(Width, Height, 3, _pixels);

    /// <summary>Shades every pixel, dark where the function is low, and draws its level lines.</summary>
    /// <param name="level">Grows with the function, evenly over some tens: lines stand between its whole numbers.</param>
    public void Levels(Func<double, double, double> level)
    {
        var (values, least, most) = (new double[Width * Height], double.PositiveInfinity, double.NegativeInfinity);
        for (var y = 0; y < Height; y++)
            for (var x = 0; x < Width; x++)
            {
                var value = values[y * Width + x] = level(_window.X0 + (x + 0.5) / Width * (_window.X1 - _window.X0), _window.Y1 - (y + 0.5) / Height * (_window.Y1 - _window.Y0));
                (least, most) = (Math.Min(least, value), Math.Max(most, value));
            }
        for (var y = 0; y < Height; y++)
            for (var x = 0; x < Width; x++)
            {
                var value = values[y * Width + x];
                var edge = x + 1 < Width && Math.Floor(values[y * Width + x + 1]) != Math.Floor(value) || y + 1 < Height && Math.Floor(values[(y + 1) * Width + x]) != Math.Floor(value);
                var grey = (byte)((edge ? 120 : 170) + 80 * (most > least ? (value - least) / (most - least) : 0));
                _pixels.AsSpan(3 * (y * Width + x), 3).Fill(grey);
            }
    }

    /// <summary>Points joined by straight lines; what lies outside the window is cut off, what is no number leaves a gap.</summary>
    public void Line(IReadOnlyList<(double X, double Y)> points, (byte R, byte G, byte B) color, int thickness = 2)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (a, b) = (Place(points[i - 1]), Place(points[i]));
            var steps = Math.Max(Math.Abs(b.X - a.X), Math.Abs(b.Y - a.Y));
            if (!double.IsFinite(steps) || steps > 50.0 * (Width + Height)) continue;
            for (var s = 0; s <= (int)steps + 1; s++)
            {
                var share = Math.Min(1, s / Math.Max(steps, 1e-9));
                Dot(a.X + share * (b.X - a.X), a.Y + share * (b.Y - a.Y), thickness, color);
            }
        }
    }

    /// <summary>A square mark.</summary>
    public void Mark((double X, double Y) point, (byte R, byte G, byte B) color, int size = 7)
    {
        var (x, y) = Place(point);
        if (double.IsFinite(x) && double.IsFinite(y)) Dot(x, y, size, color);
    }

    private (double X, double Y) Place((double X, double Y) point) =>
        ((point.X - _window.X0) / (_window.X1 - _window.X0) * Width, (_window.Y1 - point.Y) / (_window.Y1 - _window.Y0) * Height);

    private void Dot(double x, double y, int size, (byte R, byte G, byte B) color)
    {
        var (left, top) = (Math.Floor(x - (size - 1) / 2.0), Math.Floor(y - (size - 1) / 2.0));
        for (var dy = 0; dy < size; dy++)
            for (var dx = 0; dx < size; dx++)
            {
                var (px, py) = (left + dx, top + dy);
                if (px >= 0 && py >= 0 && px < Width && py < Height) (_pixels[3 * ((int)py * Width + (int)px)], _pixels[3 * ((int)py * Width + (int)px) + 1], _pixels[3 * ((int)py * Width + (int)px) + 2]) = color;
            }
    }
}
