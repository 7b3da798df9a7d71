using DistTrain.Kernels;
using DistTrain.Learning;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class CheckpointStoreTests
{
    private const string Folder = "run";
    private readonly ResolvedJob _job = TestJobs.Tiny();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(3, 1)]
    [InlineData(2, 3)]
    public void A_checkpoint_of_any_number_of_shards_is_read_whole(int written, int later)
    {
        var disk = new CrashingFileSystem();
        var store = new CheckpointStore(disk, Folder);
        Save(store, 5, written);
        Save(store, 9, later);
        var skipped = new List<CheckpointProblem>();
        var restored = store.RestoreNewest(_job, skipped)!;
        Assert.Empty(skipped);
        Assert.Equal(9, restored.Manifest.Step);
        Assert.Equal(Vectors(9), restored.Vectors);
        Assert.Equal(Vectors(5), store.Restore(store.Manifests()[0], _job).Vectors);
        Assert.Equal(Vectors(9)[.._job.Layout.Length], store.ReadWeights(store.Manifests()[1], _job.Layout));
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(false, false, true)]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    public void After_a_power_cut_at_any_operation_of_a_save_a_whole_checkpoint_is_restored(bool lostNames, bool lostBytes, bool torn)
    {
        var operations = Operations();
        Assert.InRange(operations, 20, 200);
        var (old, fresh) = (0, 0);
        for (var cut = 1; cut <= operations; cut++)
        {
            var disk = new CrashingFileSystem();
            var store = new CheckpointStore(disk, Folder);
            Save(store, 5, 2);
            store.Prune(_job.Identity, 1, _ => null);
            (disk.CutAfter, disk.TearLastWrite) = (disk.Operations + cut, torn);
            Assert.Throws<PowerCutException>(() => SaveAndPrune(store));
            disk.Restart(lostNames, lostBytes);
            var restored = store.RestoreNewest(_job, [])!;
            Assert.NotNull(restored);
            Assert.Equal(Vectors(restored.Manifest.Step), restored.Vectors);
            if (restored.Manifest.Step == 5) old++;
            else fresh++;

            // And the next save goes through over whatever was left behind.
            Save(store, 12, 2);
            store.Prune(_job.Identity, 1, _ => null);
            Assert.Equal(12, store.RestoreNewest(_job, [])!.Manifest.Step);
            Assert.Equal(4, disk.Paths.Count());
        }
        Assert.True(old > 0 && fresh > 0, $"{old} cuts gave the old checkpoint, {fresh} the new one; both must happen.");
    }

    [Fact]
    public void A_flipped_bit_in_any_byte_is_found_and_its_file_named()
    {
        var disk = new CrashingFileSystem();
        var store = new CheckpointStore(disk, Folder);
        Save(store, 5, 1);
        Save(store, 9, 2);
        var manifest = store.Manifests()[1];
        Assert.Empty(store.Verify(manifest));
        foreach (var path in disk.Paths.Where(p => p.Contains("0000000009", StringComparison.Ordinal)))
        {
            var bytes = disk.Read(path).Length;
            for (var i = 0; i < bytes; i++)
            {
                disk.Flip(path, i, i % 8);
                var problem = Assert.Single(store.Verify(manifest));
                Assert.Contains(Path.GetFileName(path), problem.ToString(), StringComparison.Ordinal);
                if (i % 64 == 0)
                {
                    var skipped = new List<CheckpointProblem>();
                    Assert.Equal(5, store.RestoreNewest(_job, skipped)!.Manifest.Step);
                    Assert.Contains(Path.GetFileName(path), Assert.Single(skipped).ToString(), StringComparison.Ordinal);
                }
                disk.Flip(path, i, i % 8);
            }
        }
    }

    [Fact]
    public void A_missing_file_and_a_cut_one_are_named()
    {
        var disk = new CrashingFileSystem();
        var store = new CheckpointStore(disk, Folder);
        Save(store, 9, 2);
        var manifest = store.Manifests()[0];
        disk.Delete(disk.Paths.First(p => p.EndsWith("shard-1-of-2.safetensors", StringComparison.Ordinal)));
        Assert.Contains("shard-1-of-2.safetensors is missing", Assert.Single(store.Verify(manifest)).Problem, StringComparison.Ordinal);
        var other = disk.Paths.First(p => p.EndsWith("shard-0-of-2.safetensors", StringComparison.Ordinal));
        disk.Cut(other, disk.Read(other).Length - 1);
        var problems = store.Verify(manifest);
        Assert.Equal(2, problems.Count);
        Assert.Contains(problems, p => p.ToString().Contains("shard-0-of-2.safetensors", StringComparison.Ordinal));
    }

    [Fact]
    public void A_full_disk_leaves_the_last_checkpoint_intact()
    {
        for (var free = 0; free < 6000; free += 97)
        {
            var disk = new CrashingFileSystem();
            var store = new CheckpointStore(disk, Folder);
            Save(store, 5, 2);
            disk.Capacity = disk.Paths.Sum(p => disk.Read(p).Length) + free;
            var failed = Record.Exception(() => Save(store, 9, 2));
            Assert.True(failed is null or IOException, $"{failed}");
            Assert.Equal(failed is null ? 9 : 5, store.RestoreNewest(_job, [])!.Manifest.Step);
        }
    }

    [Fact]
    public void The_newest_and_the_best_are_kept()
    {
        var disk = new CrashingFileSystem();
        var store = new CheckpointStore(disk, Folder);
        for (var step = 1; step <= 6; step++)
        {
            Save(store, step, 1);
            store.Prune(_job.Identity, 2, s => Math.Abs(s - 2));
        }
        Assert.Equal([2, 5, 6], store.Manifests().Select(m => store.ReadManifest(m).Step));
        Assert.Equal(9, disk.Paths.Count());
    }

    [Fact]
    public void A_checkpoint_of_another_job_is_refused_by_name()
    {
        var store = new CheckpointStore(new CrashingFileSystem(), Folder);
        Save(store, 5, 1);
        var skipped = new List<CheckpointProblem>();
        Assert.Null(store.RestoreNewest(_job with { Identity = new string('b', 64) }, skipped));
        Assert.Contains("it is of another job (identity", Assert.Single(skipped).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_disk_never_replaces_a_published_file()
    {
        var folder = Directory.CreateTempSubdirectory("disttrain").FullName;
        try
        {
            var disk = new DiskFileSystem();
            Assert.True(Publish("a", "one"));
            Assert.False(Publish("a", "two"));
            Assert.Equal("one", File.ReadAllText(Path.Combine(folder, "a")));
            disk.FlushFolder(folder);
            var store = new CheckpointStore(disk, Path.Combine(folder, "deep", "run"));
            Save(store, 5, 2);
            Save(store, 5, 2);
            Assert.Equal(2, store.Manifests().Count);
            Assert.All(store.Manifests(), m => Assert.Empty(store.Verify(m)));

            bool Publish(string name, string text)
            {
                using (var writer = disk.Create(Path.Combine(folder, "tmp"))) writer.Write(System.Text.Encoding.UTF8.GetBytes(text));
                return disk.TryPublish(Path.Combine(folder, "tmp"), Path.Combine(folder, name));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private int Operations()
    {
        var disk = new CrashingFileSystem();
        var store = new CheckpointStore(disk, Folder);
        Save(store, 5, 2);
        store.Prune(_job.Identity, 1, _ => null);
        var before = disk.Operations;
        SaveAndPrune(store);
        return disk.Operations - before;
    }

    private void SaveAndPrune(CheckpointStore store)
    {
        Save(store, 9, 2);
        store.Prune(_job.Identity, 1, _ => null);
    }

    [Fact]
    public void A_state_vector_that_an_earlier_version_saved_is_passed_over()
    {
        var (disk, layout) = (new CrashingFileSystem(), _job.Layout);
        var (store, job) = (new CheckpointStore(disk, Folder), _job with { Optimizer = new Scratching() });
        var elements = new float[4 * layout.Length];
        foreach (var slice in layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
            for (var v = 0; v < 4; v++)
                for (var i = 0; i < slice.Length; i++) elements[v * layout.Length + slice.Offset + i] = 100 * v + i;
        var draft = store.Begin(3);
        var file = store.WriteShard(draft, 0, 1, job, new ShardSnapshot(layout.Split(1)[0], elements));
        store.Publish(draft, new ManifestFile
        {
            Job = job.Name, Identity = job.Identity, LayoutSha256 = ManifestFile.LayoutHash(layout), Step = 3, Updates = 3, Epoch = 0, Incarnation = 1,
            Records = 0, RecordsDigest = new string('0', 64), States = [.. job.Optimizer.StateNames], Shards = [file],
        }, new byte[LossLog.RecordBytes * 3]);
        var restored = store.Restore(store.Manifests()[0], _job with { Optimizer = new Lamb(new()) });
        Assert.Equal(elements[..(3 * layout.Length)], restored.Vectors);
        var error = Assert.Throws<InvalidDataException>(() => store.Restore(store.Manifests()[0], _job with { Optimizer = new Adam(new()) }));
        Assert.Equal("it holds the optimizer state [exp_avg, exp_avg_sq, update]. This job's optimizer has [exp_avg, exp_avg_sq].", error.Message);
    }

    // LAMB as it was, with the update as a third state.
    private sealed class Scratching : Optimizer
    {
        public override double LearningRate => 1;

        public override int StateCount => 3;

        public override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq", "update"];

        public override int Scalars(long update, double learningRate, Span<float> scalars) => 0;

        public override void Apply(Device device, ReadOnlySpan<float> scalars, float coefficient, View weights, View gradient, View state0, View state1, View state2)
        {
        }
    }

    private void Save(CheckpointStore store, long step, int shards)
    {
        var vectors = Vectors(step);
        var ranges = _job.Layout.Split(shards);
        var draft = store.Begin(step);
        var files = new List<CheckpointFile>();
        for (var s = 0; s < shards; s++)
        {
            var elements = new List<float>();
            for (var v = 0; v < 2; v++) elements.AddRange(vectors.AsSpan(v * _job.Layout.Length + ranges[s].Offset, ranges[s].Length).ToArray());
            files.Add(store.WriteShard(draft, s, shards, _job, new ShardSnapshot(ranges[s], elements.ToArray())));
        }
        store.Publish(draft, new ManifestFile
        {
            Job = _job.Name, Identity = _job.Identity, LayoutSha256 = ManifestFile.LayoutHash(_job.Layout), Step = step, Updates = step, Epoch = 0, Incarnation = 1,
            Records = 0, RecordsDigest = new string('0', 64), States = [.. _job.Optimizer.StateNames], Shards = files,
        }, new byte[LossLog.RecordBytes * 3]);
    }

    // Weights and momentum that differ in every element and from step to step; what is not saved is zero.
    private float[] Vectors(long step)
    {
        var vectors = new float[2 * _job.Layout.Length];
        foreach (var slice in _job.Layout.Slices.Where(s => s.Kind == SliceKind.Parameter))
            for (var i = 0; i < slice.Length; i++)
                (vectors[slice.Offset + i], vectors[_job.Layout.Length + slice.Offset + i]) = (step + i, -step - 0.5f * i);
        return vectors;
    }
}
