using MessagePack;
using MessagePack.Formatters;

namespace DistTrain.Grains.Wire;

/// <summary>A record on the wire: an array of its fields in a fixed order. New fields go to the end; a reader skips what it does not know and refuses a sender that knows less.</summary>
/// <param name="name">What the record is, with its article, for errors.</param>
/// <param name="fields">How many fields this version writes.</param>
public abstract class FieldsFormatter<T>(string name, int fields) : IMessagePackFormatter<T?> where T : class
{
    public void Serialize(ref MessagePackWriter writer, T? value, MessagePackSerializerOptions options)
    {
        if (value is null)
        {
            writer.WriteNil();
            return;
        }
        writer.WriteArrayHeader(fields);
        Write(ref writer, value, options);
    }

    public T? Deserialize(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        if (reader.TryReadNil()) return null;
        var sent = reader.ReadArrayHeader();
        if (sent < fields) throw new MessagePackSerializationException($"{name} has {sent} fields; it must have at least {fields}. The sender is older than this version.");
        options.Security.DepthStep(ref reader);
        var value = Read(ref reader, options);
        for (var i = fields; i < sent; i++) reader.Skip();
        reader.Depth--;
        return value;
    }

    /// <summary>Writes exactly the announced number of fields.</summary>
    protected abstract void Write(ref MessagePackWriter writer, T value, MessagePackSerializerOptions options);

    protected abstract T Read(ref MessagePackReader reader, MessagePackSerializerOptions options);

    /// <summary>A text that must be there.</summary>
    protected string Text(ref MessagePackReader reader, string field) =>
        reader.ReadString() ?? throw new MessagePackSerializationException($"{name} has no {field}; it must.");
}

/// <summary>Lists and times, as every record writes them.</summary>
public static class WireFields
{
    /// <summary>An array of records.</summary>
    public static void WriteList<T>(ref MessagePackWriter writer, IReadOnlyList<T> items, MessagePackSerializerOptions options)
    {
        writer.WriteArrayHeader(items.Count);
        foreach (var item in items) options.Resolver.GetFormatterWithVerify<T>().Serialize(ref writer, item, options);
    }

    /// <exception cref="MessagePackSerializationException">An item is nil.</exception>
    public static IReadOnlyList<T> ReadList<T>(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        // The header is bounded by the bytes that are there: an item needs one at least.
        var count = reader.ReadArrayHeader();
        var items = new List<T>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++)
            items.Add(options.Resolver.GetFormatterWithVerify<T>().Deserialize(ref reader, options) ?? throw new MessagePackSerializationException($"item {i} of a list is nil; it must not be."));
        return items;
    }

    /// <summary>UTC, in ticks of 100 ns.</summary>
    public static void WriteTime(ref MessagePackWriter writer, DateTimeOffset time) => writer.Write(time.UtcTicks);

    public static DateTimeOffset ReadTime(ref MessagePackReader reader)
    {
        var ticks = reader.ReadInt64();
        if (ticks < DateTimeOffset.MinValue.Ticks || ticks > DateTimeOffset.MaxValue.Ticks) throw new MessagePackSerializationException($"a time is {ticks} ticks; it must be within the years 1 to 9999.");
        return new DateTimeOffset(ticks, TimeSpan.Zero);
    }
}
