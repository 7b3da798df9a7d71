using System.Text;
using DistTrain.Kernels;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Specs;

/// <summary>Whatever the bytes are, reading ends with a job or with problems.</summary>
public sealed class JobFileMutationTests
{
    private const int Mutations = 3_000;

    private static readonly string Job = """
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: probe }
        spec:
          data: { format: { digits: { train: 300 } }, path: "", standardize: false }
          model: [ { conv2d: { out: 6, kernel: [5, 5] } }, &r relu, *r, { linear: 10 } ]
          optimizer: { adam: { lr: 1e-3 } }
          training: { epochs: 5, clipNorm: 1.5, seed: 18446744073709551615 }
          cluster: { workers: 2..8 }
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Mutated_files_are_read_or_refused(bool json)
    {
        var whole = json ? Encoding.UTF8.GetBytes(SpecWriter.ToJson(JobFile.Parse(Encoding.UTF8.GetBytes(Job), "job.yaml").Spec).ToJsonString()) : Encoding.UTF8.GetBytes(Job);
        string[] pieces = ["\t", "{", "}", "[", "]", ":", ",", "&a ", "*a ", "- ", "? ", "| ", "> ", "!!x ", "%", "---\n", "...\n", "\n", "\"", "'", "#", "\0", "\ud83d\ude00", "1e999", "-1", ".nan", "null", "<<: ", "0x", "99999999999999999999"];
        var random = new RandomStream(7, json ? 1UL : 0UL);
        var (read, refused) = (0, 0);
        for (var i = 0; i < Mutations; i++)
        {
            var text = whole.ToList();
            for (var edits = 1 + random.Next(4); edits > 0; edits--)
            {
                var at = random.Next(text.Count);
                switch (random.Next(4))
                {
                    case 0: text[at] = (byte)random.Next(256); break;
                    case 1: text.RemoveRange(at, Math.Min(text.Count - at, 1 + random.Next(20))); break;
                    case 2: text.InsertRange(at, Encoding.UTF8.GetBytes(pieces[random.Next(pieces.Length)])); break;
                    default: text.InsertRange(at, text.GetRange(0, Math.Min(text.Count, 40))); break;
                }
                if (text.Count == 0) text.Add((byte)' ');
            }
            try
            {
                JobFile.Parse(text.ToArray(), "job", json);
                read++;
            }
            catch (SpecException wrong)
            {
                Assert.NotEmpty(wrong.Problems);
                Assert.All(wrong.Problems, p => Assert.DoesNotContain('\u001b', p.ToString()));
                refused++;
            }
        }
        Assert.True(read > 0 && refused > Mutations / 2, $"{read} read, {refused} refused");
    }

    [Fact]
    public void A_file_cut_at_any_byte_is_read_or_refused()
    {
        var whole = Encoding.UTF8.GetBytes(Job);
        for (var length = 0; length < whole.Length; length++)
        {
            try
            {
                JobFile.Parse(whole.AsSpan(0, length), "job.yaml");
            }
            catch (SpecException wrong)
            {
                Assert.NotEmpty(wrong.Problems);
            }
        }
    }
}
