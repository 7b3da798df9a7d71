using System.Text.Json;
using System.Text.Json.Serialization;
using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>The job's register as a file: what must never be guessed after a crash. Replaced whole: written aside, flushed, renamed over, folder flushed.</summary>
public sealed class RegisterFile(IFileSystem files, string folder)
{
    public const string Name = "register.json";
    private static readonly JsonSerializerOptions _json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(), new PlacementConverter() },
    };

    /// <summary>null where there is none.</summary>
    /// <exception cref="InvalidDataException">Damaged.</exception>
    public RegisterRecord? Read()
    {
        if (!files.List(folder).Contains(Name)) return null;
        using var stream = files.OpenRead(Path.Combine(folder, Name));
        return Parse(new StreamReader(stream).ReadToEnd(), Path.Combine(folder, Name));
    }

    /// <summary>The record as the file holds it.</summary>
    public static string ToText(RegisterRecord record) => JsonSerializer.Serialize(record, _json);

    /// <param name="source">What messages call it.</param>
    /// <exception cref="InvalidDataException">Damaged.</exception>
    public static RegisterRecord Parse(string text, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<RegisterRecord>(text, _json) ?? throw new InvalidDataException($"{source} holds no record.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{source} is not a register: {e.Message}. Start without resuming, or restore the file.", e);
        }
    }

    public void Write(RegisterRecord record)
    {
        files.CreateFolder(folder);
        var temporary = Path.Combine(folder, "tmp-" + Name);
        using (var writer = files.Create(temporary))
        {
            writer.Write(JsonSerializer.SerializeToUtf8Bytes(record, _json));
            writer.Flush();
        }
        files.Replace(temporary, Path.Combine(folder, Name));
        files.FlushFolder(folder);
    }

    private sealed class PlacementConverter : JsonConverter<Placement>
    {
        public override Placement Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            new([.. JsonSerializer.Deserialize<ShardSeats[]>(ref reader, options) ?? []]);

        public override void Write(Utf8JsonWriter writer, Placement value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.Shards.ToArray(), options);
    }
}
