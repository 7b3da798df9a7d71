namespace DistTrain.Learning;

/// <summary>
/// The skeletons that digits are drawn from: for each digit several ways people write it, each a list of pen strokes.
/// A stroke is "x y  x y ..." in a box of 100 x 100 (y downwards), a smooth curve through its points;
/// a point followed by "/" is a corner, where the direction changes at once.
/// </summary>
internal static class DigitStrokes
{
    // [digit][style][stroke][point]
    private static readonly Point[][][][] _styles = Parse(
    [
        [
            ["52 4  28 16  17 50  27 84  51 96  74 84  83 50  73 17  50 4"],
            ["64 8  36 10  18 42  24 82  52 96  78 74  80 34  60 8  44 10"],
            ["40 8  20 34  20 72  42 96  70 88  82 54  70 16  46 5  32 14"],
        ],
        [
            ["50 3  50 50  50 97"],
            ["33 26  46 14  54 3 /  53 50  52 97"],
            ["32 24  52 4 /  52 50  52 95", "30 95  52 95  74 95"],
        ],
        [
            ["20 28  30 9  54 4  76 18  72 42  48 68  20 94 /  50 93  82 94"],
            ["22 22  42 5  68 10  76 32  58 62  32 88  19 84  32 74  54 86  84 90"],
            ["24 14  50 4  74 16  72 38  50 62  22 93 /  48 88  80 96"],
        ],
        [
            ["22 14  46 4  70 14  68 34  44 46 /  70 54  78 76  56 95  22 86"],
            ["24 8  48 7  74 8 /  58 24  44 40 /  70 50  78 72  58 94  24 88"],
            ["24 20  44 4  68 12  66 36  46 47  38 47 /  46 47  74 58  74 84  48 97  20 80"],
        ],
        [
            ["30 5  24 34  18 58 /  50 58  84 56", "66 24  64 60  62 97"],
            ["62 4  40 32  16 66 /  50 66  88 65", "64 4  63 50  62 97"],
            ["24 8  20 34  30 52  54 52  74 42", "78 5  74 50  70 97"],
        ],
        [
            ["74 7  52 7  32 8 /  30 26  26 46 /  48 38  74 52  74 82  48 96  20 84"],
            ["32 8  29 26  27 45 /  50 38  76 54  72 84  46 96  22 86", "32 8  54 8  78 6"],
            ["76 8  48 8  32 20  32 38  54 46  74 62  70 86  46 96  20 86"],
        ],
        [
            ["68 5  42 22  24 54  28 86  52 96  74 80  68 58  46 54  26 70"],
            ["52 4  34 34  24 68  42 95  70 86  72 62  50 52  28 66"],
            ["74 10  50 10  28 36  22 70  40 95  68 90  76 68  58 52  34 60  24 74"],
        ],
        [
            ["18 9  48 8  80 8 /  60 44  42 97"],
            ["20 10  50 9  80 8 /  60 50  48 97", "38 52  54 51  72 50"],
            ["20 24  22 8 /  50 10  80 7 /  68 34  52 62  44 97"],
        ],
        [
            ["70 18  50 5  30 18  38 38  62 56  76 76  52 96  26 78  40 56  64 38  70 18"],
            ["50 47  28 28  50 4  73 26  50 47  24 72  50 96  77 72  50 47"],
            ["74 12  50 5  28 20  40 40  64 56  72 78  50 96  28 80  42 56  66 38  76 18"],
        ],
        [
            ["74 24  56 5  30 16  28 42  52 52  74 26 /  72 60  66 97"],
            ["72 26  50 4  26 22  32 46  58 48  73 24  76 56  60 90  30 94"],
            ["70 14  44 6  26 28  38 50  62 44  74 16 /  66 56  50 97"],
        ],
    ]);

    public static int StylesOf(int digit) => _styles[digit].Length;

    public static ReadOnlySpan<Point[]> Of(int digit, int style) => _styles[digit][style];

    internal readonly record struct Point(float X, float Y, bool Corner);

    private static Point[][][][] Parse(string[][][] digits) => [.. digits.Select(styles => styles.Select(strokes => strokes.Select(Stroke).ToArray()).ToArray())];

    private static Point[] Stroke(string text)
    {
        var points = new List<Point>();
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < words.Length;)
        {
            if (words[i] == "/")
            {
                points[^1] = points[^1] with { Corner = true };
                i++;
                continue;
            }
            points.Add(new(int.Parse(words[i]) / 100f, int.Parse(words[i + 1]) / 100f, false));
            i += 2;
        }
        return [.. points];
    }
}
