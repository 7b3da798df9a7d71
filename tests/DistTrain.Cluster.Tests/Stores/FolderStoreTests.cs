using DistTrain.Grains;
using DistTrain.Training;

namespace DistTrain.Cluster.Tests.Stores;

public sealed class FolderStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("disttrain-store").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public Task A_text_is_written_only_over_the_revision_that_was_seen() => StorePromises.A_text_is_written_only_over_the_revision_that_was_seen(new FolderStore(_folder));

    [Fact]
    public Task Of_many_that_write_at_once_exactly_one_does_at_each_revision() => StorePromises.Of_many_that_write_at_once_exactly_one_does_at_each_revision(new FolderStore(_folder), 20);

    [Fact]
    public Task An_event_that_is_there_never_becomes_another() => StorePromises.An_event_that_is_there_never_becomes_another(new FolderStore(_folder));

    [Fact]
    public async Task Of_silos_that_publish_one_revision_in_the_same_moment_one_has_written_it()
    {
        const int silos = 4;
        var disk = new TogetherDisk(silos);
        var stores = Enumerable.Range(0, silos).Select(_ => new FolderStore(disk, _folder)).ToArray();
        for (var revision = 0; revision < 100; revision++)
        {
            var wrote = await Task.WhenAll(stores.Select((store, i) => Task.Factory.StartNew(() => store.WriteAsync("t", "race", $"{i}", revision, default), default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));
            var winner = Assert.Single(wrote, w => w.Written);
            Assert.All(wrote, w => Assert.Equal(winner.Now, w.Now));
        }
    }

    [Theory, InlineData("../up"), InlineData(""), InlineData("a/b")]
    public async Task A_key_cannot_leave_the_folder(string key) => await Assert.ThrowsAsync<ArgumentException>(() => new FolderStore(_folder).ReadAsync("t", key, default));

    /// <summary>This machine's disk, on which all who publish do so in the same moment.</summary>
    private sealed class TogetherDisk(int writers) : IFileSystem
    {
        private readonly DiskFileSystem _disk = new();
        private readonly Barrier _barrier = new(writers);

        public bool TryPublish(string temporaryPath, string path) =>
            _barrier.SignalAndWait(TimeSpan.FromMinutes(1)) ? _disk.TryPublish(temporaryPath, path) : throw new TimeoutException("the other writers have not come.");

        public void CreateFolder(string folder) => _disk.CreateFolder(folder);

        public IFileWriter Create(string path) => _disk.Create(path);

        public void Replace(string temporaryPath, string path) => _disk.Replace(temporaryPath, path);

        public void FlushFolder(string folder) => _disk.FlushFolder(folder);

        public void Delete(string path) => _disk.Delete(path);

        public IReadOnlyList<string> List(string folder) => _disk.List(folder);

        public Stream OpenRead(string path) => _disk.OpenRead(path);
    }
}
