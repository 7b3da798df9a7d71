using System.Text;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        var path = Write([("weight", SafetensorsType.F32, [2, 3]), ("empty", SafetensorsType.F32, [0, 5]), ("steps", SafetensorsType.I64, [])], new() { ["format"] = "pt", ["ключ"] = "\"quoted\"\n" },
            writer =>
            {
                writer.Write<float>([1, 2, 3]);
                writer.Write<float>([4, 5, float.NaN]);
                writer.Write<long>([long.MinValue]);
            });
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(["weight", "empty", "steps"], file.Header.Entries.Select(e => e.Name));
        Assert.Equal("pt", file.Header.Metadata["format"]);
        Assert.Equal("\"quoted\"\n", file.Header.Metadata["ключ"]);
        Assert.Equal([2L, 3L], file["weight"].Shape);
        Assert.Equal([0L, 5L], file["empty"].Shape);
        Assert.Empty(file["steps"].Shape);
        var weight = new float[6];
        file.Read<float>(file["weight"], weight);
        Assert.Equal([1, 2, 3, 4, 5, float.NaN], weight);
        file.Read(file["weight"], weight.AsSpan(0, 2), firstElement: 3);
        Assert.Equal([4, 5], weight[..2]);
        var steps = new long[1];
        file.Read<long>(file["steps"], steps);
        Assert.Equal(long.MinValue, steps[0]);
        Assert.Equal(new FileInfo(path).Length, file.Header.FileBytes);
    }

    // Known answers of the reference implementation's own tests (safetensors/src/tensor.rs): without padding and with.
    [Theory]
    [InlineData("attn.0", new long[] { 1, 2, 3 }, 64, """{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}""")]
    [InlineData("attn0", new long[] { 1, 1, 2, 3 }, 72, """{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       """)]
    public void The_bytes_are_those_that_PyTorch_users_write(string name, long[] shape, byte headerBytes, string header)
    {
        byte[] values = [0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64];
        byte[] expected = [headerBytes, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(header), .. values];
        Assert.Equal(expected, File.ReadAllBytes(Write([(name, SafetensorsType.F32, shape)], null, writer => writer.Write<float>([0, 1, 2, 3, 4, 5]))));
    }

    [Fact]
    public void A_file_without_tensors_is_sixteen_bytes()
    {
        var path = Write([], null, _ => { });
        Assert.Equal([8, 0, 0, 0, 0, 0, 0, 0, .. "{}      "u8], File.ReadAllBytes(path));
        using var file = SafetensorsFile.Open(path);
        Assert.Empty(file.Header.Entries);
    }

    [Fact]
    public void Every_header_is_padded_to_eight_bytes()
    {
        for (var length = 0; length < 9; length++)
            Assert.Equal(0, SafetensorsHeader.For([(new string('n', length), SafetensorsType.F32, [1])]).DataStart % 8);
    }

    [Fact]
    public void Other_floating_point_types_are_read_as_float32()
    {
        var path = Write([("f16", SafetensorsType.F16, [2]), ("bf16", SafetensorsType.BF16, [2]), ("f64", SafetensorsType.F64, [2]), ("i32", SafetensorsType.I32, [1])], null,
            writer =>
            {
                writer.Write<Half>([(Half)0.5f, Half.MaxValue]);
                writer.Write<ushort>([0x3FC0, 0xC000]);
                writer.Write<double>([1e-3, -2]);
                writer.Write<int>([7]);
            });
        using var file = SafetensorsFile.Open(path);
        var two = new float[2];
        file.ReadFloats(file["f16"], two);
        Assert.Equal([0.5f, 65504f], two);
        file.ReadFloats(file["bf16"], two);
        Assert.Equal([1.5f, -2f], two);
        file.ReadFloats(file["bf16"], two.AsSpan(0, 1), firstElement: 1);
        Assert.Equal(-2f, two[0]);
        file.ReadFloats(file["f64"], two);
        Assert.Equal([1e-3f, -2f], two);
        var message = Assert.Throws<SafetensorsException>(() => file.ReadFloats(file["i32"], new float[1])).Message;
        Assert.Equal($"{path}: tensor \"i32\" is I32. It must be F32, F16, BF16 or F64 here.", message);
        message = Assert.Throws<SafetensorsException>(() => file.Read<float>(file["f64"], new float[1])).Message;
        Assert.Equal($"{path}: tensor \"f64\" is F64. It must be F32 here.", message);
        message = Assert.Throws<SafetensorsException>(() => file["weights"]).Message;
        Assert.Equal($"{path}: has no tensor \"weights\". It has f16, bf16, f64, i32.", message);
        Assert.Throws<ArgumentException>(() => file.ReadBytes(file["i32"], new byte[4], firstByte: 1));
    }

    [Fact]
    public void A_file_cut_at_any_byte_is_refused_by_name()
    {
        var path = Write([("a", SafetensorsType.F32, [3]), ("b", SafetensorsType.I64, [2])], new() { ["step"] = "12" }, writer =>
        {
            writer.Write<float>([1, 2, 3]);
            writer.Write<long>([4, 5]);
        });
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            var message = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(path)).Message;
            Assert.StartsWith($"{path}: ", message);
            Assert.EndsWith(length < 8 ? "it is truncated or something else." : "it is truncated.", message);
        }
    }

    [Fact]
    public void A_writer_takes_exactly_what_its_header_describes()
    {
        var writer = new SafetensorsWriter(new MemoryStream(), SafetensorsHeader.For([("a", SafetensorsType.F32, [3])]));
        writer.Write<float>([1, 2]);
        Assert.Equal("8 bytes of tensors were written; the header describes 12.", Assert.Throws<InvalidOperationException>(writer.Complete).Message);
        Assert.Equal("8 bytes are written, but the header leaves room for 4.", Assert.Throws<InvalidOperationException>(() => writer.Write<float>([3, 4])).Message);
        writer.Write<float>([3]);
        writer.Complete();
    }

    [Fact]
    public void A_header_that_could_not_be_read_again_is_not_made()
    {
        Assert.StartsWith("two tensors are named \"a\"", Assert.Throws<ArgumentException>(() => SafetensorsHeader.For([("a", SafetensorsType.F32, [3]), ("a", SafetensorsType.F32, [3])])).Message);
        Assert.StartsWith("a tensor is named __metadata__", Assert.Throws<ArgumentException>(() => SafetensorsHeader.For([("__metadata__", SafetensorsType.F32, [3])])).Message);
        Assert.StartsWith("tensor \"a\" has shape [-1]", Assert.Throws<ArgumentException>(() => SafetensorsHeader.For([("a", SafetensorsType.F32, [-1])])).Message);
        Assert.StartsWith("tensor \"a\" has shape [4294967296, 4294967296]", Assert.Throws<ArgumentException>(() => SafetensorsHeader.For([("a", SafetensorsType.F32, [1L << 32, 1L << 32])])).Message);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var path = Path.Combine(_folder, "none.safetensors");
        Assert.StartsWith($"{path}: cannot be read: ", Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(path)).Message);
    }

    private string Write(IEnumerable<(string, SafetensorsType, IReadOnlyList<long>)> tensors, Dictionary<string, string>? metadata, Action<SafetensorsWriter> fill)
    {
        var path = Path.Combine(_folder, "file.safetensors");
        using var stream = File.Create(path);
        var writer = new SafetensorsWriter(stream, SafetensorsHeader.For(tensors, metadata));
        fill(writer);
        writer.Complete();
        return path;
    }
}
