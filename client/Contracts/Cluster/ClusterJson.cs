using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DistTrain.Contracts;

/// <summary>
/// The one JSON form of everything a cluster says: the HTTP API, its clients and <c>-o json</c> write and read it. Names in camel case, verdict severities
/// in lower case, times in ISO 8601. JSON has no NaN: null stands for "not a number, or not measured", and infinities are "Infinity" and "-Infinity".
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(RealNumberConverter), typeof(SeverityConverter)])]
[JsonSerializable(typeof(JobStatus))]
[JsonSerializable(typeof(JobStatus[]))]
[JsonSerializable(typeof(JobSubmission))]
[JsonSerializable(typeof(TrainingEvent))]
[JsonSerializable(typeof(MetricPoint))]
[JsonSerializable(typeof(EventPage))]
[JsonSerializable(typeof(MetricPage))]
[JsonSerializable(typeof(MetricHistory))]
[JsonSerializable(typeof(WaitReport[]))]
[JsonSerializable(typeof(CheckpointReport[]))]
[JsonSerializable(typeof(JobMembers))]
[JsonSerializable(typeof(Verdict))]
[JsonSerializable(typeof(ProblemReport))]
[JsonSerializable(typeof(ServerVersion))]
[JsonSerializable(typeof(ServerHealth))]
public sealed partial class ClusterJson : JsonSerializerContext
{
    /// <summary>For readers that are people too: characters beyond ASCII stay as they are.</summary>
    public static ClusterJson Plain => _plain.Value;

    private static readonly Lazy<ClusterJson> _plain = new(() => new ClusterJson(new JsonSerializerOptions(Default!.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
}

/// <summary>A double where it may be NaN or infinite.</summary>
internal sealed class RealNumberConverter : JsonConverter<double>
{
    public override bool HandleNull => true;

    public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Null => double.NaN,
        JsonTokenType.Number => reader.GetDouble(),
        JsonTokenType.String when reader.ValueTextEquals("Infinity"u8) => double.PositiveInfinity,
        JsonTokenType.String when reader.ValueTextEquals("-Infinity"u8) => double.NegativeInfinity,
        JsonTokenType.String when reader.ValueTextEquals("NaN"u8) => double.NaN,
        _ => throw new JsonException("a number is expected here, null, \"Infinity\" or \"-Infinity\"."),
    };

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value)) writer.WriteNumberValue(value);
        else if (double.IsNaN(value)) writer.WriteNullValue();
        else writer.WriteStringValue(value > 0 ? "Infinity"u8 : "-Infinity"u8);
    }
}

/// <summary>ok, unknown, warn, error.</summary>
internal sealed class SeverityConverter() : JsonStringEnumConverter<VerdictSeverity>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
