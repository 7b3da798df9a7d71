using System.Globalization;
using System.Text;
using System.Text.Json;
using DistTrain.Contracts;

namespace DistTrain.Grains;

/// <summary>
/// The store as a folder that every silo reaches: <c>kind/key.records/revision.txt</c>. A revision is a file of its own that is linked into place only if it is not there, which is
/// the compare-and-swap; the newest counts, older ones are removed.
/// </summary>
public sealed class FolderStore(string folder) : IClusterStore
{
    private const int Tries = 100;

    public Task PrepareAsync(CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        return Task.CompletedTask;
    }

    public Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation) => Task.Run(() => Read(kind, key), cancellation);

    public Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation) =>
        Task.Run<(bool, StoredText?)>(() =>
        {
            var (now, place) = (Read(kind, key), PlaceOf(kind, key));
            if ((now?.Revision ?? 0) != expected) return (false, now);
            Directory.CreateDirectory(place);
            var written = WriteExclusively(place, FileOf(expected + 1), Encoding.UTF8.GetBytes(text));
            if (!written) return (false, Read(kind, key));
            foreach (var old in Revisions(place).Where(r => r <= expected - 1)) TryDelete(Path.Combine(place, FileOf(old)));
            return (true, new StoredText(key, text, expected + 1));
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
            var place = Directory.CreateDirectory(PlaceOf("event", job)).FullName;
            foreach (var happened in events) WriteExclusively(place, FileOf(happened.Sequence), JsonSerializer.SerializeToUtf8Bytes(happened));
        }, cancellation);

    public Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation) =>
        Task.Run<IReadOnlyList<TrainingEvent>>(() =>
        {
            var place = PlaceOf("event", job);
            return [.. Revisions(place).Order().Select(sequence => JsonSerializer.Deserialize<TrainingEvent>(File.ReadAllBytes(Path.Combine(place, FileOf(sequence))))).OfType<TrainingEvent>()];
        }, cancellation);

    private StoredText? Read(string kind, string key)
    {
        var place = PlaceOf(kind, key);
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            if (Revisions(place).DefaultIfEmpty(0).Max() is not (> 0 and var newest)) return null;
            try
            {
                return new StoredText(key, File.ReadAllText(Path.Combine(place, FileOf(newest))), newest);
            }
            catch (FileNotFoundException)
            {
                // Two newer revisions came between the listing and the reading: list again.
            }
        }
        throw new IOException($"{place} changes faster than it can be read ({Tries} tries).");
    }

    // Written aside and flushed; linking it under its name fails where the name is taken. File.Move links for exactly that reason when it must not overwrite.
    private static bool WriteExclusively(string place, string name, byte[] bytes)
    {
        var target = Path.Combine(place, name);
        if (File.Exists(target)) return false;
        var aside = Path.Combine(place, $"tmp-{Guid.NewGuid():N}");
        try
        {
            using (var file = new FileStream(aside, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }
            File.Move(aside, target, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(target))
        {
            TryDelete(aside);
            return false;
        }
    }

    private string PlaceOf(string kind, string key) =>
        key.Length is > 0 and <= 200 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? Path.Combine(folder, kind, key + ".records")
            : throw new ArgumentException($"a key is \"{key}\". It must be 1 to 200 letters, digits, dashes, dots and underscores.", nameof(key));

    private static string FileOf(long revision) => revision.ToString("D12", CultureInfo.InvariantCulture) + ".txt";

    private static IEnumerable<long> Revisions(string place) => Directory.Exists(place)
        ? Directory.EnumerateFiles(place, "*.txt").Select(f => long.TryParse(Path.GetFileNameWithoutExtension(f), NumberStyles.None, CultureInfo.InvariantCulture, out var r) ? r : 0).Where(r => r > 0)
        : [];

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (IOException)
        {
            // It stays and does not count: a newer revision is there.
        }
    }
}
