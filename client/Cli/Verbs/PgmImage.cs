using System.Globalization;
using DistTrain.Learning;

namespace DistTrain.Cli;

/// <summary>Portable graymap, binary (P5) or text (P2): "P5 width height maximum" and the pixels, here as shares of the maximum rounded to a byte.</summary>
internal static class PgmImage
{
    public static bool Begins(ReadOnlySpan<byte> bytes) => bytes.StartsWith("P5"u8) || bytes.StartsWith("P2"u8);

    public static Picture Read(byte[] bytes, string name)
    {
        var at = 2;
        var (width, height, maximum) = (Number(1, 1 << 14), Number(1, 1 << 14), Number(1, 65535));
        var pixels = new byte[width * height];
        if (bytes[1] == (byte)'2')
        {
            for (var i = 0; i < pixels.Length; i++) pixels[i] = Rounded(Number(0, maximum));
            return new Picture(width, height, 1, pixels);
        }
        var size = maximum > 255 ? 2 : 1;
        at++;
        if (bytes.Length - at != pixels.Length * size) throw Wrong($"has {Math.Max(0, bytes.Length - at)} bytes of pixels. {width} x {height} pixels need {pixels.Length * size}.");
        for (var i = 0; i < pixels.Length; i++, at += size) pixels[i] = Rounded(size == 1 ? bytes[at] : bytes[at] << 8 | bytes[at + 1]);
        return new Picture(width, height, 1, pixels);

        byte Rounded(int value) => (byte)Math.Min(255, (value * 255 + maximum / 2) / maximum);

        int Number(int least, int most)
        {
            while (at < bytes.Length && (char.IsWhiteSpace((char)bytes[at]) || bytes[at] == (byte)'#'))
                if (bytes[at] == (byte)'#') while (at < bytes.Length && bytes[at] != (byte)'\n') at++;
                else at++;
            var start = at;
            while (at < bytes.Length && char.IsAsciiDigit((char)bytes[at])) at++;
            return int.TryParse(bytes.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
                ? value : throw Wrong($"has no number from {least} to {most} at byte {start}.");
        }

        CommandException Wrong(string what) => new(ExitCode.Usage, $"{name} {what} It must be a portable graymap (P2 or P5).");
    }
}
