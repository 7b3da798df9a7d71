using System.Buffers.Binary;
using System.Text;
using DistTrain.Cli;
using DistTrain.Training;

namespace DistTrain.Tests.Cli;

/// <summary>The file is read back by a reader of its own: framing, both checksums (bit by bit), fields.</summary>
public sealed class EventFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("events").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_record_has_its_checksums_and_every_figure_its_tag_step_and_time()
    {
        var start = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
        using (var file = EventFile.Create(_folder, "job", start))
        {
            file.Write(new RunRecord { Kind = RunRecordKind.Step, Step = 7, Loss = 0.5, Accuracy = 0.25, LearningRate = 0.125, GradientNorm = 4, ClippedNorm = 1, Seconds = 2, Values = new Dictionary<string, double> { ["layer/0/gradNorm"] = 3 } });
            file.Write(new RunRecord { Kind = RunRecordKind.Event, Step = 7, Text = "not a point" });
            file.Write(new RunRecord { Kind = RunRecordKind.Evaluation, Step = 7, Loss = double.NaN, Accuracy = double.NaN, Seconds = 3 });
        }
        var path = Assert.Single(Directory.GetFiles(_folder));
        Assert.Equal("events.out.tfevents.1700000000.job", Path.GetFileName(path));
        var bytes = File.ReadAllBytes(path);
        var events = new List<string>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            Assert.Equal(Masked(bytes.AsSpan(at + 12, length)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            events.Add(Show(bytes.AsSpan(at + 12, length).ToArray()));
            at += 16 + length;
        }
        Assert.Equal(
            ["1700000000 step 0 version brain.Event:2", "1700000002 step 7 loss/train=0.5 accuracy/train=0.25 learningRate=0.125 gradientNorm/before=4 gradientNorm/after=1 layer/0/gradNorm=3", "1700000003 step 7 loss/test=NaN"],
            events);
    }

    private static string Show(byte[] message)
    {
        var (time, step, text) = (0.0, 0L, "");
        foreach (var (field, number, bytes) in Fields(message))
        {
            if (field == 1) time = BitConverter.Int64BitsToDouble(number);
            else if (field == 2) step = number;
            else if (field == 3) text += $" version {Encoding.UTF8.GetString(bytes)}";
            else
                foreach (var value in Fields(bytes))
                {
                    var parts = Fields(value.Bytes);
                    text += FormattableString.Invariant($" {Encoding.UTF8.GetString(parts[0].Bytes)}={BitConverter.Int32BitsToSingle((int)parts[1].Number)}");
                }
        }
        return FormattableString.Invariant($"{time} step {step}{text}");
    }

    private static List<(int Field, long Number, byte[] Bytes)> Fields(byte[] message)
    {
        var (fields, at) = (new List<(int, long, byte[])>(), 0);
        while (at < message.Length)
        {
            var key = Varint();
            switch (key & 7)
            {
                case 0: fields.Add(((int)(key >> 3), Varint(), [])); break;
                case 1: fields.Add(((int)(key >> 3), BinaryPrimitives.ReadInt64LittleEndian(message.AsSpan((at += 8) - 8)), [])); break;
                case 5: fields.Add(((int)(key >> 3), BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan((at += 4) - 4)), [])); break;
                default:
                    var length = (int)Varint();
                    fields.Add(((int)(key >> 3), 0, message[at..(at += length)]));
                    break;
            }
        }
        return fields;

        long Varint()
        {
            var (value, shift) = (0L, 0);
            for (; (message[at] & 0x80) != 0; shift += 7) value |= (long)(message[at++] & 0x7F) << shift;
            return value | (long)message[at++] << shift;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++) crc = (crc & 1) != 0 ? 0x82F63B78u ^ (crc >> 1) : crc >> 1;
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
    }
}
