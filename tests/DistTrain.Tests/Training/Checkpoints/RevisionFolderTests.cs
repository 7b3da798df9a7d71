using DistTrain.Training;

namespace DistTrain.Tests.Training.Checkpoints;

public sealed class RevisionFolderTests : IDisposable
{
    private readonly string _place = Directory.CreateTempSubdirectory("disttrain-revisions").FullName;

    private string Folder => Path.Combine(_place, "text");

    public void Dispose() => Directory.Delete(_place, recursive: true);

    [Theory, InlineData(0), InlineData(1)]
    public void A_revision_is_written_only_over_the_one_before_it(long first)
    {
        var text = Open(new DiskFileSystem(), first);
        Assert.Null(text.Read());
        Assert.False(text.TryWrite("early", first + 1));
        Assert.True(text.TryWrite("one", first));
        Assert.False(text.TryWrite("other", first));
        Assert.True(text.TryWrite("two", first + 1));
        Assert.True(text.TryWrite("three", first + 2));
        Assert.Equal((first + 2, "three"), text.Read());
        Assert.Equal(2, Directory.GetFiles(Folder).Length);
    }

    [Theory, InlineData(0), InlineData(1), InlineData(3)]
    public void A_writer_that_slept_while_others_wrote_has_not_written(int seen)
    {
        var others = Open(new DiskFileSystem(), 1);
        for (var revision = 1; revision <= seen; revision++) Assert.True(others.TryWrite($"{revision}", revision));
        var sleeper = Open(new SleepyDisk(() =>
        {
            for (var revision = seen + 1; revision <= seen + 3; revision++) Assert.True(others.TryWrite($"{revision}", revision));
        }), 1);
        // Its name is free again: the file that had it was dropped two revisions later.
        Assert.False(sleeper.TryWrite("late", seen + 1));
        Assert.Equal((seen + 3, $"{seen + 3}"), others.Read());
        Assert.True(others.TryWrite("next", seen + 4));
    }

    [Fact]
    public void A_writer_that_slept_while_it_was_removed_and_made_anew_has_not_written()
    {
        var others = Open(new DiskFileSystem(), 1);
        for (var revision = 1; revision <= 3; revision++) Assert.True(others.TryWrite($"{revision}", revision));
        var sleeper = Open(new SleepyDisk(() =>
        {
            foreach (var file in Directory.GetFiles(Folder).Where(f => !Path.GetFileName(f).StartsWith("tmp-", StringComparison.Ordinal))) File.Delete(file);
            Assert.True(others.TryWrite("anew", 1));
        }), 1);
        Assert.False(sleeper.TryWrite("late", 4));
        Assert.Equal((1, "anew"), others.Read());
    }

    [Fact]
    public void A_file_system_without_hard_links_does_not_replace_either()
    {
        // A link across file systems fails as one that is not known at all does; here it is a folder that cannot be linked.
        var (one, two) = (Path.Combine(_place, "one"), Path.Combine(_place, "two"));
        Directory.CreateDirectory(one);
        Directory.CreateDirectory(two);
        File.WriteAllText(Path.Combine(two, "kept"), "kept");
        if (OperatingSystem.IsWindows()) return;
        Assert.False(new DiskFileSystem().TryPublish(one, two));
        Assert.True(File.Exists(Path.Combine(two, "kept")));
        Assert.True(new DiskFileSystem().TryPublish(one, Path.Combine(_place, "three")));
        Assert.True(Directory.Exists(Path.Combine(_place, "three")));
    }

    private RevisionFolder Open(IFileSystem files, long first) => new(files, Folder, "r-", ".txt", first);

    /// <summary>This machine's disk, on which others come first the first time that something is published.</summary>
    private sealed class SleepyDisk(Action others) : IFileSystem
    {
        private readonly DiskFileSystem _disk = new();
        private bool _slept;

        public bool TryPublish(string temporaryPath, string path)
        {
            if (!_slept) others();
            _slept = true;
            return _disk.TryPublish(temporaryPath, path);
        }

        public void CreateFolder(string folder) => _disk.CreateFolder(folder);

        public IFileWriter Create(string path) => _disk.Create(path);

        public void Replace(string temporaryPath, string path) => _disk.Replace(temporaryPath, path);

        public void FlushFolder(string folder) => _disk.FlushFolder(folder);

        public void Delete(string path) => _disk.Delete(path);

        public IReadOnlyList<string> List(string folder) => _disk.List(folder);

        public Stream OpenRead(string path) => _disk.OpenRead(path);
    }
}
