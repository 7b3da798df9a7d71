using System.Collections.Immutable;
using DistTrain.Grains.Wire;
using DistTrain.Protocol;
using DistTrain.Training;
using MessagePack;

namespace DistTrain.Grains;

/// <summary>What a message carries, by its kind (<see cref="ControlPayload.Types"/>); nil where it carries nothing.</summary>
internal static class PayloadFields
{
    public static void Write(ref MessagePackWriter writer, in Message message, MessagePackSerializerOptions options)
    {
        switch (message.Payload)
        {
            case null:
                writer.WriteNil();
                break;
            case LogEntry[] entries:
                Write(ref writer, entries);
                break;
            case ImmutableArray<Branch> branches:
                writer.WriteArrayHeader(2 * branches.Length);
                foreach (var branch in branches)
                {
                    writer.Write(branch.Incarnation);
                    writer.Write(branch.Version);
                }
                break;
            default:
                MessagePackSerializer.Serialize(message.Payload.GetType(), ref writer, message.Payload, options);
                break;
        }
    }

    public static object? Read(ref MessagePackReader reader, MessageKind kind, MessagePackSerializerOptions options)
    {
        if (reader.TryReadNil()) return null;
        if (!ControlPayload.Types.TryGetValue(kind, out var type)) throw new MessagePackSerializationException($"a {kind} message carries something; it must carry nothing.");
        if (type == typeof(LogEntry[])) return ReadEntries(ref reader).ToArray();
        if (type == typeof(ImmutableArray<Branch>)) return ReadBranches(ref reader);
        return MessagePackSerializer.Deserialize(type, ref reader, options);
    }

    public static void Write(ref MessagePackWriter writer, ReadOnlySpan<LogEntry> entries)
    {
        writer.WriteArrayHeader(entries.Length);
        foreach (ref readonly var entry in entries) RecordFields.Write(ref writer, entry);
    }

    public static List<LogEntry> ReadEntries(ref MessagePackReader reader)
    {
        var count = reader.ReadArrayHeader();
        var entries = new List<LogEntry>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++) entries.Add(RecordFields.ReadEntry(ref reader));
        return entries;
    }

    private static ImmutableArray<Branch> ReadBranches(ref MessagePackReader reader)
    {
        var numbers = reader.ReadArrayHeader();
        if (numbers % 2 != 0) throw new MessagePackSerializationException($"a list of branches has {numbers} numbers; it must have two for each.");
        var branches = ImmutableArray.CreateBuilder<Branch>(Math.Min(numbers / 2, 1024));
        for (var i = 0; i < numbers / 2; i++) branches.Add(new Branch(reader.ReadInt64(), reader.ReadInt64()));
        return branches.ToImmutable();
    }
}

/// <summary>WorkerHello: name, and the plan's spec, model and data hashes.</summary>
public sealed class HelloFormatter() : FieldsFormatter<WorkerHello>("a worker's hello", 4)
{
    protected override void Write(ref MessagePackWriter writer, WorkerHello value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write(value.Identity.Spec);
        writer.Write(value.Identity.Model);
        writer.Write(value.Identity.Data);
    }

    protected override WorkerHello Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "name"), new PlanIdentity(Text(ref reader, "spec hash"), Text(ref reader, "model hash"), Text(ref reader, "data hash")));
}

/// <summary>ReducedFigures: sums of squares by block, has loss, loss, correct, weight, then sums of squares of the last update and of the weights before it, by block, or none, then those of side gradients and of their products with the main ones, or none.</summary>
public sealed class ReducedFormatter() : FieldsFormatter<ReducedFigures>("a step's figures", 9)
{
    protected override void Write(ref MessagePackWriter writer, ReducedFigures value, MessagePackSerializerOptions options)
    {
        Write(ref writer, value.Squares);
        writer.Write(value.HasLoss);
        writer.Write(value.Loss);
        writer.Write(value.Correct);
        writer.Write(value.Weight);
        Write(ref writer, value.Updates);
        Write(ref writer, value.Weights);
        Write(ref writer, value.Sides);
        Write(ref writer, value.Cross);
    }

    protected override ReducedFigures Read(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        return new ReducedFigures
        {
            Squares = Read(ref reader), HasLoss = reader.ReadBoolean(), Loss = reader.ReadDouble(), Correct = reader.ReadDouble(), Weight = reader.ReadDouble(), Updates = Read(ref reader), Weights = Read(ref reader), Sides = Read(ref reader), Cross = Read(ref reader),
        };
    }

    private static void Write(ref MessagePackWriter writer, double[] sums)
    {
        writer.WriteArrayHeader(sums.Length);
        foreach (var sum in sums) writer.Write(sum);
    }

    private static double[] Read(ref MessagePackReader reader)
    {
        var sums = new List<double>();
        for (var left = reader.ReadArrayHeader(); left > 0; left--) sums.Add(reader.ReadDouble());
        return [.. sums];
    }
}

/// <summary>RestoreFrom: version, incarnation, manifest.</summary>
public sealed class RestoreFormatter() : FieldsFormatter<RestoreFrom>("a restore", 3)
{
    protected override void Write(ref MessagePackWriter writer, RestoreFrom value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name.Version);
        writer.Write(value.Name.Incarnation);
        options.Resolver.GetFormatterWithVerify<CheckpointManifest?>().Serialize(ref writer, value.Manifest, options);
    }

    protected override RestoreFrom Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(new CheckpointName(reader.ReadInt64(), reader.ReadInt64()), options.Resolver.GetFormatterWithVerify<CheckpointManifest?>().Deserialize(ref reader, options));
}

/// <summary>CheckpointManifest: version, incarnation, position, files, records, previous version, previous incarnation.</summary>
public sealed class ManifestFormatter() : FieldsFormatter<CheckpointManifest>("a manifest", 7)
{
    protected override void Write(ref MessagePackWriter writer, CheckpointManifest value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name.Version);
        writer.Write(value.Name.Incarnation);
        options.Resolver.GetFormatterWithVerify<JobPosition>().Serialize(ref writer, value.Position, options);
        writer.WriteArrayHeader(value.Files.Length);
        foreach (var file in value.Files) options.Resolver.GetFormatterWithVerify<CheckpointFile?>().Serialize(ref writer, (CheckpointFile?)file, options);
        PayloadFields.Write(ref writer, value.Records.AsSpan());
        writer.Write(value.Previous.Version);
        writer.Write(value.Previous.Incarnation);
    }

    protected override CheckpointManifest Read(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        var name = new CheckpointName(reader.ReadInt64(), reader.ReadInt64());
        var position = options.Resolver.GetFormatterWithVerify<JobPosition?>().Deserialize(ref reader, options) ?? throw new MessagePackSerializationException("a manifest has no position; it must.");
        var files = ImmutableArray.CreateBuilder<object?>();
        for (var left = reader.ReadArrayHeader(); left > 0; left--) files.Add(options.Resolver.GetFormatterWithVerify<CheckpointFile?>().Deserialize(ref reader, options));
        return new CheckpointManifest(name, position, files.ToImmutable(), [.. PayloadFields.ReadEntries(ref reader)], new CheckpointName(reader.ReadInt64(), reader.ReadInt64()));
    }
}

/// <summary>JobPosition: version, updates, digest of the log (64 hex digits), entries, last evaluation, trend of the evaluations (6 fields).</summary>
public sealed class PositionFormatter() : FieldsFormatter<JobPosition>("a position", 6)
{
    private const int TrendFields = 6;

    protected override void Write(ref MessagePackWriter writer, JobPosition value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Version);
        writer.Write(value.Updates);
        writer.Write(value.Log.ToString());
        writer.Write(value.Entries);
        RecordFields.Write(ref writer, value.LastEvaluation);
        writer.WriteArrayHeader(TrendFields);
        writer.Write(value.Trend.Scale);
        writer.Write(value.Trend.Best);
        writer.Write(value.Trend.Bad);
        writer.Write(value.Trend.Cooldown);
        writer.Write(value.Trend.StopBest);
        writer.Write(value.Trend.StopBad);
    }

    protected override JobPosition Read(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        var (version, updates, log) = (reader.ReadInt64(), reader.ReadInt64(), Text(ref reader, "log digest"));
        try
        {
            return new JobPosition(version, updates, LogDigest.Parse(log), reader.ReadInt64(), RecordFields.ReadEvaluation(ref reader)) { Trend = ReadTrend(ref reader) };
        }
        catch (FormatException wrong)
        {
            throw new MessagePackSerializationException($"a log digest is \"{log}\"; it must be 64 hex digits.", wrong);
        }
    }

    private static EvaluationTrend ReadTrend(ref MessagePackReader reader)
    {
        var sent = FieldCount.Begin(ref reader, "a trend", TrendFields);
        var trend = new EvaluationTrend { Scale = reader.ReadDouble(), Best = reader.ReadDouble(), Bad = reader.ReadInt32(), Cooldown = reader.ReadInt32(), StopBest = reader.ReadDouble(), StopBad = reader.ReadInt32() };
        FieldCount.End(ref reader, sent, TrendFields);
        return trend;
    }
}

/// <summary>Crew: one array with four fields for each member: worker, first stage, stages, where it is.</summary>
public sealed class CrewFormatter() : FieldsFormatter<Crew>("a crew", 1)
{
    protected override void Write(ref MessagePackWriter writer, Crew value, MessagePackSerializerOptions options)
    {
        writer.WriteArrayHeader(4 * value.Members.Length);
        foreach (var member in value.Members)
        {
            writer.Write(member.Worker);
            writer.Write(member.FirstStage);
            writer.Write(member.StageCount);
            writer.Write(member.Host);
        }
    }

    protected override Crew Read(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        var fields = reader.ReadArrayHeader();
        if (fields % 4 != 0) throw new MessagePackSerializationException($"a crew has {fields} fields; it must have four for each member.");
        var members = ImmutableArray.CreateBuilder<CrewMember>(Math.Min(fields / 4, 1024));
        for (var i = 0; i < fields / 4; i++) members.Add(new CrewMember(reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), Text(ref reader, "place of a member")));
        return new Crew(members.ToImmutable());
    }
}

/// <summary>CheckpointFile: name, bytes, SHA-256.</summary>
public sealed class CheckpointFileFormatter() : FieldsFormatter<CheckpointFile>("a checkpoint file", 3)
{
    protected override void Write(ref MessagePackWriter writer, CheckpointFile value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Name);
        writer.Write(value.Bytes);
        writer.Write(value.Sha256);
    }

    protected override CheckpointFile Read(ref MessagePackReader reader, MessagePackSerializerOptions options) => new(Text(ref reader, "name"), reader.ReadInt64(), Text(ref reader, "hash"));
}

/// <summary>Control: id, kind, value, step.</summary>
public sealed class ControlFormatter() : FieldsFormatter<Control>("a control", 4)
{
    protected override void Write(ref MessagePackWriter writer, Control value, MessagePackSerializerOptions options)
    {
        writer.Write(value.Id);
        writer.Write((byte)value.Kind);
        writer.Write(value.Value);
        writer.Write(value.Step);
    }

    protected override Control Read(ref MessagePackReader reader, MessagePackSerializerOptions options) =>
        new(Text(ref reader, "id"), FieldCount.Enumeration<ControlKind>(ref reader), reader.ReadDouble(), reader.ReadInt64());
}
