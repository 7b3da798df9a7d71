using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Tests.House;
using DistTrain.Tests.Learning.Data;
using DistTrain.Training;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Samples;

/// <summary>Every job under samples/jobs is planned on data and trains: its loss after some steps is below that of the first ones.</summary>
/// <remarks>Data that a sample fetches or brings along are looked for where tests look for data; what a sample asks of its user (pictures of one's own, weights of another tool) is made here.</remarks>
public sealed class SampleJobTests : IDisposable
{
    private static readonly string Jobs = Path.Combine(Repository.Root, "samples", "jobs");

    // Steps that show a falling loss in seconds, where the usual ones do not: an epoch of a full batch is a single step, and large nets take small batches (and rates to match).
    private static readonly Dictionary<string, (int Steps, string[] Overrides)> Own = new(StringComparer.Ordinal)
    {
        ["digits-lbfgs"] = (6, ["data.format={digits: {train: 200, test: 50}}", "training.batchSize=200"]),
        ["digits-pca"] = (6, ["data.format={digits: {train: 120, test: 40}}", "training.batchSize=120"]),
        ["digits-embedding"] = (8, []),
        ["shakespeare-gpt"] = (6, ["training.batchSize=8"]),
        ["shakespeare-lstm"] = (6, ["training.batchSize=8"]),
        ["shakespeare-gru"] = (6, ["training.batchSize=8"]),
        ["shakespeare-adjacent"] = (6, ["training.batchSize=8"]),
        ["cifar-augmented"] = (6, ["training.batchSize=8", "optimizer.lr=0.002"]),
        ["image-folder"] = (10, ["training.batchSize=16"]),
        ["fine-tuning"] = (8, ["training.batchSize=16"]),
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("samples").FullName;

    /// <summary>The samples whose data this machine has; what is missing is said with the skipped tests.</summary>
    public static TheoryData<string> Names() => new(All().Where(name => Needs.Unless(Has(name), $"the data of sample job {name} are not on this machine (set DISTTRAIN_DATA to the folder that has them)") is null));

    private static IEnumerable<string> All() => Directory.GetFiles(Jobs, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal);

    [Fact]
    public void Every_sample_names_data_that_somebody_can_have()
    {
        Assert.True(All().Count() >= 20);
        Assert.All(All(), name => Assert.True(PathOf(name) is "" or "data/pictures" || PathOf(name).StartsWith("samples/", StringComparison.Ordinal) || new[] { "data/mnist", "data/cifar10", "data/text/tinyshakespeare.txt" }.Contains(PathOf(name)), $"{name}: {PathOf(name)}"));
    }

    [Theory, MemberData(nameof(Names))]
    public void It_is_planned_and_its_loss_falls(string name)
    {
        var (steps, own) = Own.GetValueOrDefault(name, (16, []));
        var job = JobPlanner.Plan(Load(name, [.. DataOf(name), .. own, .. Smaller(name)])).Job;
        using var device = new CpuDevice(1);
        var trainer = new LocalTrainer(job with { EvaluateEvery = int.MaxValue, Epochs = Math.Max(job.Epochs, steps / job.StepsPerEpoch + 1) }, device);
        var result = trainer.Run(untilStep: steps);
        Assert.NotEqual(TrainingStatus.Failed, result.Status);
        var losses = Enumerable.Range(0, trainer.Log.Count).Select(i => trainer.Log[i]).Where(r => r.Kind == LossRecordKind.Applied).Select(r => r.Loss).ToArray();
        Assert.Equal(steps, losses.Length);
        var (first, last) = (losses[..(steps / 2)].Average(), losses[(steps / 2)..].Average());
        Assert.True(last < first, $"{name}: {string.Join(" ", losses.Select(l => l.ToString("G4", System.Globalization.CultureInfo.InvariantCulture)))}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string PathOf(string name) => JobFile.Load(Path.Combine(Jobs, $"{name}.yaml")).Spec.Data.Path;

    private static bool Has(string name) => PathOf(name) is "" or "data/pictures" || PathOf(name).StartsWith("samples/", StringComparison.Ordinal) || Shared(PathOf(name)) is not null;

    private static string? Shared(string path) => DataFiles.Shared(path.Split('/')[1] switch { "cifar10" => "cifar10-subset", var other => other });

    /// <summary>Where the sample's data are, as overrides.</summary>
    private string[] DataOf(string name)
    {
        var path = PathOf(name);
        if (path.StartsWith("samples/", StringComparison.Ordinal)) return [$"data.path={Path.Combine(Repository.Root, path)}"];
        if (path == "data/pictures") return [$"data.path={Pictures()}", .. name == "fine-tuning" ? [$"init.from={Weights()}"] : Array.Empty<string>()];
        if (path.Length == 0) return [];
        var shared = Shared(path)!;
        return [$"data.path={(path.EndsWith(".txt", StringComparison.Ordinal) ? Path.Combine(shared, Path.GetFileName(path)) : shared)}"];
    }

    // Fewer drawn digits than the sample has: drawing them takes longer than the steps.
    private static string[] Smaller(string name)
    {
        var format = JobFile.Load(Path.Combine(Jobs, $"{name}.yaml")).Spec.Data.Format;
        return format.Name == "digits" && !Own.ContainsKey(name) ? ["data.format={digits: {train: 640, test: 50}}"] : [];
    }

    private static JobFile Load(string name, IEnumerable<string> overrides) => JobFile.Load(Path.Combine(Jobs, $"{name}.yaml"), [.. overrides.Select(SpecOverride.Parse)]);

    // Ten classes of small pictures, a colour and a place of a square for each.
    private string Pictures()
    {
        var folder = Path.Combine(_folder, "pictures");
        for (var c = 0; c < 10; c++)
        {
            Directory.CreateDirectory(Path.Combine(folder, $"class{c}"));
            for (var n = 0; n < 8; n++)
            {
                var pixels = new byte[3 * 40 * 40];
                for (var y = 0; y < 40; y++)
                    for (var x = 0; x < 40; x++)
                        for (var k = 0; k < 3; k++) pixels[3 * (y * 40 + x) + k] = (byte)((x / 10 + y / 10 * 4) % 10 == c ? 255 - 20 * n : (c * 53 + k * 91 + n * 7) % 120);
                using var stream = File.Create(Path.Combine(folder, $"class{c}", $"{n}.png"));
                PngWriter.Write(stream, new Picture(40, 40, 3, pixels));
            }
        }
        return folder;
    }

    // What another tool would have trained: a network of other classes.
    private string Weights()
    {
        var path = Path.Combine(_folder, "mobilenet.safetensors");
        var network = new Network(new MobileNet().Build(new Shape(3, 32, 32), 100), new Shape(3, 32, 32));
        using var stream = File.Create(path);
        StateDict.Write(stream, network.Layout, network.Initialize(5));
        return path;
    }
}
