using System.Buffers.Binary;
using System.Text;
using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Checkpoints;

public sealed class SafetensorsHeaderTests
{
    private const string Scalar = """{"dtype":"F32","shape":[],"data_offsets":[0,4]}""";

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(100_000_001UL)]
    public void A_header_beyond_the_limit_is_refused_before_it_is_read(ulong length) =>
        Assert.Equal($"x: announces a header of {length} bytes. It must be at most 100000000: it is damaged or not a safetensors file.",
            Assert.Throws<SafetensorsException>(() => SafetensorsHeader.ReadLength(Length(length), long.MaxValue, "x")).Message);

    [Fact]
    public void A_header_longer_than_its_file_is_refused() =>
        Assert.Equal("x: announces a header of 93 bytes, but only 92 follow: it is truncated.",
            Assert.Throws<SafetensorsException>(() => SafetensorsHeader.ReadLength(Length(93), 100, "x")).Message);

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[2,6]}}""", 6, "tensor \"b\" begins at byte 2, inside \"a\", which ends at 4. Tensors must not overlap: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 4, "tensor \"b\" begins at byte 0, inside \"a\", which ends at 4. Tensors must not overlap: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}""", 12, "bytes 4 to 8 between \"a\" and \"b\" belong to no tensor. Tensors must follow each other without gaps: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}""", 8, "bytes 0 to 4 between the header and \"a\" belong to no tensor. Tensors must follow each other without gaps: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 5, "has 5 bytes of tensors; its header describes 4. Nothing may follow the last tensor: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 3, "has 3 bytes of tensors; its header describes 4, up to tensor \"a\": it is truncated.")]
    [InlineData("{}", 1, "has 1 bytes of tensors; its header describes 0. Nothing may follow the last tensor: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "tensor \"a\" of F32 [2] needs 8 bytes; its data_offsets [0, 4] hold 4.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}}""", 4, "tensor \"a\" of F32 [0] needs 0 bytes; its data_offsets [0, 4] hold 4.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[4,0]}}""", 4, "tensor \"a\" has data_offsets [4, 0]. They must be [begin, end] with begin <= end.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[4]}}""", 4, "tensor \"a\" has data_offsets [4]. They must be [begin, end] with begin <= end.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4,4]}}""", 4, "tensor \"a\" has more than 2 numbers in its data_offsets.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,9223372036854775808]}}""", 4, "tensor \"a\" has 9223372036854775808 in its data_offsets. Each must be a whole number from 0 to 2^63 - 1.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"data_offsets":[9223372036854775804,9223372036854775807]}}""", 4, "tensor \"a\" of F32 [] needs 4 bytes; its data_offsets [9223372036854775804, 9223372036854775807] hold 3.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 4, "has 4 bytes of tensors; its header describes 9223372036854775807, up to tensor \"a\": it is truncated.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "tensor \"a\" has -1 in its shape. Each must be a whole number from 0 to 2^63 - 1.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "tensor \"a\" has 1.5 in its shape. Each must be a whole number from 0 to 2^63 - 1.")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "tensor \"a\" has \"1\" in its shape. Each must be a whole number from 0 to 2^63 - 1.")]
    [InlineData("""{"a":{"dtype":"F32","shape":4,"data_offsets":[0,4]}}""", 4, "tensor \"a\" has shape 4. It must be a list of whole numbers.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "tensor \"a\" of F32 [4294967296, 4294967296] has more bytes than 63 bits can count: the file is damaged.")]
    [InlineData("""{"a":{"dtype":"F31","shape":[],"data_offsets":[0,4]}}""", 4, "tensor \"a\" has dtype \"F31\". It must be one of F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL.")]
    [InlineData("""{"a":{"dtype":1,"shape":[],"data_offsets":[0,4]}}""", 4, "tensor \"a\" has dtype 1. It must be one of F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL.")]
    [InlineData("""{"a":{"shape":[],"data_offsets":[0,4]}}""", 4, "tensor \"a\" lacks dtype. It must have dtype, shape and data_offsets.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[],"shape":[],"data_offsets":[0,4]}}""", 4, "tensor \"a\" has \"shape\", a second time or unknown. It must have dtype, shape and data_offsets, once each.")]
    [InlineData("""{"a":{"dtype":"F32","strides":[]}}""", 4, "tensor \"a\" has \"strides\", a second time or unknown. It must have dtype, shape and data_offsets, once each.")]
    [InlineData("""{"a":[]}""", 4, "\"a\" is a list. It must be an object: the file is damaged.")]
    [InlineData("""[]""", 0, "the header must be a JSON object of tensors by name: the file is damaged.")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "__metadata__ \"a\" is 1. It must be a text.")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "__metadata__ names \"a\" twice. Names must differ: the file is damaged.")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "the header names \"__metadata__\" twice. Names must differ: the file is damaged.")]
    public void A_bad_header_is_refused_with_its_reason(string json, long tensorBytes, string problem) => Assert.Equal($"x: {problem}", Refusal(Encoding.UTF8.GetBytes(json), tensorBytes));

    [Fact]
    public void A_name_given_twice_is_refused_also_when_it_is_escaped()
    {
        Assert.Equal("x: the header names \"a\" twice. Names must differ: the file is damaged.", Refusal(Encoding.UTF8.GetBytes($"{{\"a\":{Scalar},\"a\":{Scalar}}}"), 4));
        Assert.Equal("x: the header names \"a\" twice. Names must differ: the file is damaged.", Refusal(Encoding.UTF8.GetBytes($"{{\"a\":{Scalar},\"\\u0061\":{Scalar}}}"), 4));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("""{"a":{}}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[[[0]]]],"data_offsets":[0,4]}}""")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""")]
    [InlineData("""{} {}""")]
    public void Text_that_is_not_a_headers_json_is_refused(string json) => Assert.StartsWith("x: ", Refusal(Encoding.UTF8.GetBytes(json), 4));

    [Theory]
    [InlineData("{\"a\":", "tensor \"a\" has \"a\", a second time or unknown.")]
    [InlineData("[", "the header must be a JSON object of tensors by name")]
    [InlineData("{\"__metadata__\":", "__metadata__ \"__metadata__\" is an object.")]
    public void Nesting_without_end_is_refused_where_it_begins(string level, string problem) =>
        Assert.StartsWith($"x: {problem}", Refusal(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(level, 100_000))), 4));

    [Fact]
    public void Text_that_is_not_utf8_is_refused() =>
        Assert.Equal("x: the header is not UTF-8 text: the file is damaged or not a safetensors file.", Refusal([(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)'}'], 0));

    [Fact]
    public void A_header_cut_at_any_byte_is_refused()
    {
        var whole = Encoding.UTF8.GetBytes($"{{\"__metadata__\":{{\"step\":\"12\"}},\"a\":{Scalar}}}");
        for (var length = 0; length < whole.Length; length++) Assert.StartsWith("x: ", Refusal(whole[..length], 4));
        SafetensorsHeader.Parse(whole, 8 + whole.Length + 4, "x");
    }

    [Fact]
    public void Any_changed_byte_is_refused_or_read_within_the_file()
    {
        var whole = Encoding.UTF8.GetBytes($"{{\"a\":{Scalar},\"b\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}}}");
        for (var at = 0; at < whole.Length; at++)
            for (var value = 0; value < 256; value++)
            {
                byte[] changed = [.. whole];
                changed[at] = (byte)value;
                try
                {
                    var header = SafetensorsHeader.Parse(changed, 8 + whole.Length + 12, "x");
                    Assert.All(header.Entries, entry => Assert.InRange(entry.End, entry.Begin, 12));
                }
                catch (SafetensorsException refused)
                {
                    Assert.StartsWith("x: ", refused.Message);
                }
            }
    }

    [Fact]
    public void Tensors_may_be_named_in_another_order_than_they_stand()
    {
        var json = Encoding.UTF8.GetBytes("""{"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"none":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"a":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}   """);
        Assert.Equal(["a", "none", "b"], SafetensorsHeader.Parse(json, 8 + json.Length + 8, "x").Entries.Select(entry => entry.Name));
    }

    private static string Refusal(byte[] json, long tensorBytes) => Assert.Throws<SafetensorsException>(() => SafetensorsHeader.Parse(json, 8 + json.Length + tensorBytes, "x")).Message;

    private static byte[] Length(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }
}
