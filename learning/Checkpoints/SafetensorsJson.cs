using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace DistTrain.Learning;

/// <summary>One pass over a header's JSON that believes nothing: types, names, shapes and offsets are checked where they stand.</summary>
internal static class SafetensorsJson
{
    public const string MetadataKey = "__metadata__";

    // Object, tensor, list: three levels.
    private const int MaxDepth = 3;
    private const int MaxRank = 64;

    public static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Read(ReadOnlySpan<byte> json, string file)
    {
        if (!Utf8.IsValid(json)) throw new SafetensorsException(file, "the header is not UTF-8 text: the file is damaged or not a safetensors file.");
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            return Tensors(ref reader, file);
        }
        // The reader's own refusals, and texts with lone surrogate escapes.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafetensorsException(file, $"the header is not the JSON of a safetensors file, at its byte {reader.BytesConsumed}: the file is damaged.", e);
        }
    }

    /// <summary>Bytes of a tensor; null when an axis is negative or the product leaves 63 bits.</summary>
    public static long? BytesOf(SafetensorsType type, IReadOnlyList<long> shape)
    {
        long bytes = type.ElementBytes();
        var empty = false;
        foreach (var length in shape)
        {
            if (length < 0) return null;
            if (length == 0) empty = true;
            else if (bytes > long.MaxValue / length) return null;
            else bytes *= length;
        }
        return empty ? 0 : bytes;
    }

    private static (List<SafetensorsEntry>, Dictionary<string, string>) Tensors(ref Utf8JsonReader reader, string file)
    {
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new SafetensorsException(file, "the header must be a JSON object of tensors by name: the file is damaged.");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = reader.GetString()!;
            if (!names.Add(name)) throw new SafetensorsException(file, $"the header names \"{name}\" twice. Names must differ: the file is damaged.");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw new SafetensorsException(file, $"\"{name}\" is {Describe(ref reader)}. It must be an object: the file is damaged.");
            if (name == MetadataKey) ReadMetadata(ref reader, metadata, file);
            else entries.Add(ReadTensor(ref reader, name, file));
        }
        if (reader.Read()) throw new SafetensorsException(file, "something follows the header's JSON object. Only spaces may.");
        return (entries, metadata);
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata, string file)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new SafetensorsException(file, $"{MetadataKey} \"{key}\" is {Describe(ref reader)}. It must be a text.");
            if (!metadata.TryAdd(key, reader.GetString()!)) throw new SafetensorsException(file, $"{MetadataKey} names \"{key}\" twice. Names must differ: the file is damaged.");
        }
    }

    private static SafetensorsEntry ReadTensor(ref Utf8JsonReader reader, string name, string file)
    {
        SafetensorsType? type = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var field = reader.GetString()!;
            reader.Read();
            switch (field)
            {
                case "dtype" when type is null:
                    type = ReadType(ref reader, name, file);
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, name, field, MaxRank, file);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, name, field, 2, file);
                    break;
                default:
                    throw new SafetensorsException(file, $"tensor \"{name}\" has \"{field}\", a second time or unknown. It must have dtype, shape and data_offsets, once each.");
            }
        }
        if (type is not { } known || shape is null || offsets is null)
            throw new SafetensorsException(file, $"tensor \"{name}\" lacks {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")}. It must have dtype, shape and data_offsets.");
        if (offsets.Count != 2 || offsets[1] < offsets[0])
            throw new SafetensorsException(file, $"tensor \"{name}\" has data_offsets [{string.Join(", ", offsets)}]. They must be [begin, end] with begin <= end.");
        if (BytesOf(known, shape) is not { } bytes)
            throw new SafetensorsException(file, $"tensor \"{name}\" of {known} [{string.Join(", ", shape)}] has more bytes than 63 bits can count: the file is damaged.");
        if (bytes != offsets[1] - offsets[0])
            throw new SafetensorsException(file, $"tensor \"{name}\" of {known} [{string.Join(", ", shape)}] needs {bytes} bytes; its data_offsets [{offsets[0]}, {offsets[1]}] hold {offsets[1] - offsets[0]}.");
        return new(name, known, shape, offsets[0], offsets[1]);
    }

    private static SafetensorsType ReadType(ref Utf8JsonReader reader, string name, string file)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            var text = reader.GetString();
            foreach (var type in Enum.GetValues<SafetensorsType>())
                if (type.ToString() == text) return type;
        }
        throw new SafetensorsException(file, $"tensor \"{name}\" has dtype {Describe(ref reader)}. It must be one of {string.Join(", ", Enum.GetNames<SafetensorsType>())}.");
    }

    private static List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string field, int most, string file)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new SafetensorsException(file, $"tensor \"{name}\" has {field} {Describe(ref reader)}. It must be a list of whole numbers.");
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                throw new SafetensorsException(file, $"tensor \"{name}\" has {Describe(ref reader)} in its {field}. Each must be a whole number from 0 to 2^63 - 1.");
            if (numbers.Count == most)
                throw new SafetensorsException(file, $"tensor \"{name}\" has more than {most} numbers in its {field}.");
            numbers.Add(number);
        }
        return numbers;
    }

    private static string Describe(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => $"\"{Short(reader.GetString()!)}\"",
        _ => Short(Encoding.UTF8.GetString(reader.ValueSpan)),
    };

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
