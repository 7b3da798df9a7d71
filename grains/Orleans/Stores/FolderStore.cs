using System.Globalization;
using System.Text.Json;
using DistTrain.Contracts;
using DistTrain.Training;

namespace DistTrain.Grains;

/// <summary>The store as a folder that every silo reaches: <c>kind/key.records/revision.txt</c>, each text as <see cref="RevisionFolder"/> keeps it, each event a file of its own.</summary>
public sealed class FolderStore(IFileSystem files, string folder) : IClusterStore
{
    private const string Suffix = ".txt";

    public FolderStore(string folder) : this(new DiskFileSystem(), folder)
    {
    }

    public Task PrepareAsync(CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        return Task.CompletedTask;
    }

    public Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation) => Task.Run(() => Read(kind, key), cancellation);

    public Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation) =>
        Task.Run<(bool, StoredText?)>(() =>
        {
            MakeKind(kind);
            return TextOf(kind, key).TryWrite(text, expected + 1) ? (true, new StoredText(key, text, expected + 1)) : (false, Read(kind, key));
        }, cancellation);

    public Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation) =>
        Task.Run<IReadOnlyList<StoredText>>(() =>
        {
            var place = Path.Combine(folder, kind);
            if (!Directory.Exists(place)) return [];
            return [.. Directory.GetDirectories(place, "*.records").Select(d => Read(kind, Path.GetFileName(d)[..^".records".Length])).OfType<StoredText>()];
        }, cancellation);

    public Task RemoveAsync(string kind, string key, CancellationToken cancellation) =>
        Task.Run(() =>
        {
            try
            {
                Directory.Delete(PlaceOf(kind, key), recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
                // Another silo was first.
            }
        }, cancellation);

    public Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation) =>
        Task.Run(() =>
        {
            if (events.Count == 0) return;
            MakeKind("event");
            var place = PlaceOf("event", job);
            if (!Directory.Exists(place))
            {
                files.CreateFolder(place);
                files.FlushFolder(Path.GetDirectoryName(place)!);
            }
            foreach (var happened in events)
            {
                var name = NameOf(happened.Sequence);
                if (!File.Exists(Path.Combine(place, name))) RevisionFolder.WriteExclusively(files, place, name, JsonSerializer.SerializeToUtf8Bytes(happened));
            }
            files.FlushFolder(place);
        }, cancellation);

    public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) =>
        Task.Run<IReadOnlyList<TrainingEvent>>(() =>
        {
            var place = PlaceOf("event", job);
            return [.. files.List(place).Where(IsEvent).Select(name => JsonSerializer.Deserialize<TrainingEvent>(File.ReadAllBytes(Path.Combine(place, name)))).OfType<TrainingEvent>()];
        }, cancellation);

    private StoredText? Read(string kind, string key) => TextOf(kind, key).Read() is var (revision, text) ? new StoredText(key, text, revision) : null;

    private RevisionFolder TextOf(string kind, string key) => new(files, PlaceOf(kind, key), "", Suffix, first: 1);

    // A text is as durable as the folders above it.
    private void MakeKind(string kind)
    {
        var place = Path.Combine(folder, kind);
        if (Directory.Exists(place)) return;
        files.CreateFolder(place);
        files.FlushFolder(folder);
    }

    private string PlaceOf(string kind, string key) =>
        key.Length is > 0 and <= 200 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? Path.Combine(folder, kind, key + ".records")
            : throw new ArgumentException($"a key is \"{key}\". It must be 1 to 200 letters, digits, dashes, dots and underscores.", nameof(key));

    // In the order of their names, which is that of their sequence.
    private static string NameOf(long sequence) => sequence.ToString("D12", CultureInfo.InvariantCulture) + Suffix;

    private static bool IsEvent(string name) => name.EndsWith(Suffix, StringComparison.Ordinal) && long.TryParse(name.AsSpan(0, name.Length - Suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
