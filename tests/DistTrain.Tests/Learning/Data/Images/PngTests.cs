using System.IO.Compression;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Data.Images;

/// <summary>Pictures as Pillow 9.4 wrote them, and the CRC-32 of the values that it reads from them.</summary>
public sealed class PngTests
{
    private const string Rgb = "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAIAAABrBkF6AAAA7UlEQVR4nAXBwW6DMAwAUG3KAWzHiR0CRZP2wdO6j5w0tRBIIJT1sMveezF/r+ONugWGid5+7DDRMOHlTsNE/Yz9jEaK4AkxOa6NFOc3tAdwJSlWM2lGo1mltPBLYSXNTgpoxrBaerT0IM1fxu0iBTST27F9ohTXLSQFpQDXj/dvMTGFYSK/Nf3MMSFXxBPsYd0O3RK4krGHxxP6me3Rup2kkGb0G8V0HW/Bb2C4+rBav1FMpBm4Qlh5mK4xqRTyW2su9yiljYk1Y7dgP2NYP/vZa7Z4Nt3ChqvXjO0TpLA9QPN1vAWuDVcrBTTzP0k2auJpj/tCAAAAAElFTkSuQmCC";

    [Theory]
    [InlineData(1, 4268596099u, "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAAAAADBD4nxAAAAVElEQVR4nAXBQQ6EMAwDQG3EhS11Y6dJQPz/n8z8jmf32313lXEk6BOUTPyHqLgu2aLWyU3Cj2yvxJhrw+aouSjPdEN4CtGi283UroDGNujkVADUB3MVBsD/6KghAAAAAElFTkSuQmCC")]
    [InlineData(2, 1560724659u, "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAQAAABObR6mAAAAd0lEQVR4nC3OwW3DMBAAMFbIJ3Ws6E6WlUP337OPdgAC/HqoumrXT+3a9aldd93VwmHpwnDqQkothW9TCml6eUntLaS3p3AJoRseyzbclu5wert07XS4nf7UsCxD66ZhSd20pTC0j7Cky23q0uHSuvQUTmnq/8VfiBMHunfChRAAAAAASUVORK5CYII=")]
    [InlineData(3, 2933191162u, Rgb)]
    [InlineData(4, 3246479437u, "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAYAAADkZNYtAAABF0lEQVR4nC2Qu27cMBQFJ4aKFe8lJVIvEwH8wUGcjwxg2HqRWsobF2lc7NYDnDmYH9X/J+K7xn4zcZo1/nyzcZo1TrPE5w+N06xxXCSOi8TKZ4/cDMPa4MoFnxvaQ7CnwRXFZ0tISkhCFVLA5xrzT+l2JaQGnw0hCd1u0c8a/VRC+kPVXP0DKs1VqL8Enxv6TfFZ8Nngyi9e/nqqYe2YZqU9LoyLY1gFVwS5Gexpaa6GfutwRans2SI3w7g47FnTXBWf7x/bQxnWV+J7R3sYKldaut0+gBKSwRVDtzum+ZVhDfistEdN9fwx4HPNsDpCEvpNGBeh238zLi0hWeR2od/cfTkkof4y+OywpyGku9qVC67YRwDHN2p1a9wUg0BAAAAAAElFTkSuQmCC")]
    [InlineData(3, 138721003u, "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAMAAAAWSsseAAAAJ1BMVEUL9Skd4jgu0Tk+wU5KtUNdolhyjVuMc2idYnazTH3MM4vbJJDxDpqRZw9/AAAAR0lEQVR4nGNgUHGrmLWBgcklvXP1AQYlt/JZexgYVMIqVx8QYHBN71xzUIEhrGLWHiEDhvDO1QeFAxiAHEbjAIbO2QeETRMArYoWJh+wCgAAAAAASUVORK5CYII=")]
    [InlineData(3, 138721003u, "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAMAAAAWSsseAAAAMFBMVEUL9Skd4jgu0Tk+wU5KtUNdolhyjVuMc2idYnazTH3MM4vbJJDxDpoAAAAAAAAAAACIGL2LAAAAR0lEQVR4nGNgUHGrmLWBgcklvXP1AQYlt/JZexgYVMIqVx8QYHBN71xzUIEhrGLWHiEDhvDO1QeFAxiAHEbjAIbO2QeETRMArYoWJh+wCgAAAAAASUVORK5CYII=")]
    [InlineData(1, 4036540284u, "iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAQAAAADMH+uAAAAAFklEQVR4nGOY5MCoEsPgqcDi+R2NAQBULwYZivRsrwAAAABJRU5ErkJggg==")]
    public void A_picture_of_every_kind_is_read_as_its_maker_reads_it(int channels, uint checksum, string base64)
    {
        var picture = PngFile.Read("picture.png", Convert.FromBase64String(base64));
        Assert.Equal((11, 9, channels, checksum), (picture.Width, picture.Height, picture.Channels, PngChecksum.Of(picture.Values)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void What_is_written_reads_back(int channels)
    {
        var values = Enumerable.Range(0, 7 * 5 * channels).Select(i => (byte)(i * 37)).ToArray();
        using var file = new MemoryStream();
        PngWriter.Write(file, new Picture(7, 5, channels, values));
        var back = PngFile.Read("picture.png", file.ToArray());
        Assert.Equal((7, 5, channels), (back.Width, back.Height, back.Channels));
        Assert.True(back.Values.SequenceEqual(values));
    }

    [Fact]
    public void Every_damaged_byte_and_every_cut_is_refused_or_harmless_and_never_anything_else()
    {
        var whole = Convert.FromBase64String(Rgb);
        var right = PngFile.Read("p.png", whole).Values.ToArray();
        for (var cut = 0; cut < whole.Length - 12; cut++) Assert.Throws<DatasetException>(() => PngFile.Read("p.png", whole.AsSpan(0, cut)));
        for (var at = 0; at < whole.Length; at++)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0x20;
            try
            {
                Assert.True(PngFile.Read("p.png", damaged).Values.SequenceEqual(right), $"byte {at}");
            }
            catch (DatasetException refused)
            {
                Assert.Contains("p.png", refused.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(16, 2, 0, "16 bits a channel")]
    [InlineData(8, 2, 1, "interlaced")]
    [InlineData(8, 5, 0, "colour type 5")]
    public void Kinds_that_are_not_read_are_refused_by_name(byte bits, byte color, byte interlace, string said)
    {
        byte[] header = [0, 0, 0, 2, 0, 0, 0, 2, bits, color, 0, 0, interlace];
        byte[] kind = [.. "IHDR"u8, .. header];
        var sum = PngChecksum.Of(kind);
        byte[] file = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, .. kind, (byte)(sum >> 24), (byte)(sum >> 16), (byte)(sum >> 8), (byte)sum];
        Assert.Contains(said, Assert.Throws<DatasetException>(() => PngFile.Read("p.png", file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_jpeg_is_told_from_a_damaged_picture() =>
        Assert.Contains("It is a JPEG: convert it to PNG", Assert.Throws<DatasetException>(() => PngFile.Read("p.png", [0xFF, 0xD8, 0xFF, 0xE0, 0, 0])).Message, StringComparison.Ordinal);
}
