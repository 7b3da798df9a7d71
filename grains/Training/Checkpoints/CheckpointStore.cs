using System.Globalization;
using System.Security.Cryptography;
using DistTrain.Learning;

namespace DistTrain.Training;

/// <summary>What a checkpoint brings back.</summary>
/// <param name="Path">Of the manifest.</param>
/// <param name="Vectors">[1 + StateCount, Layout.Length]: weights, then each state vector.</param>
/// <param name="LossLog">The committed records' bytes.</param>
public sealed record RestoredCheckpoint(ManifestFile Manifest, string Path, float[] Vectors, byte[] LossLog);

/// <summary>A manifest's name and what is wrong with it or its files.</summary>
public sealed record CheckpointProblem(string Manifest, string Problem)
{
    public override string ToString() => $"{Manifest}: {Problem}";
}

/// <summary>
/// Checkpoints in one folder. Every file is written under a temporary name, flushed, renamed, and the folder flushed; the
/// manifest last, under a name that nobody has taken. A crash at any point leaves the checkpoints that were there.
/// </summary>
/// <remarks>Names: <c>step-STEP-ATTEMPT.manifest.json</c>, <c>.shard-I-of-S.safetensors</c>, <c>.losslog</c>. One writer at a time.</remarks>
public sealed class CheckpointStore(IFileSystem files, string folder)
{
    private const string ManifestSuffix = ".manifest.json";
    private const string TemporaryPrefix = "tmp-";

    public string Folder { get; } = folder;

    /// <summary>Begins a checkpoint and clears away what unfinished ones left.</summary>
    public CheckpointDraft Begin(long step)
    {
        files.CreateFolder(Folder);
        var names = files.List(Folder);
        foreach (var stale in names.Where(n => n.StartsWith(TemporaryPrefix, StringComparison.Ordinal))) files.Delete(Join(stale));
        var attempt = 1 + names.Select(StemOf).OfType<Stem>().Where(s => s.Step == step).Select(s => s.Attempt).DefaultIfEmpty(0).Max();
        return new CheckpointDraft(step, new Stem(step, attempt).ToString());
    }

    /// <summary>A checkpoint that several nodes write: who knows version and incarnation knows its files' names. Nothing is cleared away, for others may be at work.</summary>
    public CheckpointDraft Draft(long step, long incarnation)
    {
        files.CreateFolder(Folder);
        return new CheckpointDraft(step, new Stem(step, checked((int)incarnation)).ToString()) { Shared = true };
    }

    /// <summary>File name of the manifest that the draft is published under.</summary>
    public static string ManifestOf(CheckpointDraft draft) => draft.Stem + ManifestSuffix;

    /// <summary>Writes one shard's file; durable when it returns, all but its name.</summary>
    /// <exception cref="IOException">The disk refused; checkpoints that were there are untouched.</exception>
    public CheckpointFile WriteShard(CheckpointDraft draft, int shard, int shards, ResolvedJob job, ShardSnapshot snapshot)
    {
        var name = $"{draft.Stem}.shard-{shard}-of-{shards}.safetensors";
        CheckpointFile file;
        using (var writer = files.Create(Join(TemporaryPrefix + name)))
        {
            file = ShardFile.Write(writer, name, job.Layout, job.Optimizer.StateNames, snapshot);
            writer.Flush();
        }
        // A shard has one primary in an incarnation: what has this name is its own earlier attempt.
        if (draft.Shared) files.Replace(Join(TemporaryPrefix + name), Join(name));
        else GiveName(name);
        return file;
    }

    /// <summary>Writes the loss log, then the manifest: from its publication on the checkpoint exists.</summary>
    /// <param name="manifest">All but the loss log's file, which is filled in.</param>
    /// <returns>Path of the manifest.</returns>
    /// <exception cref="IOException">The disk refused; checkpoints that were there are untouched.</exception>
    public string Publish(CheckpointDraft draft, ManifestFile manifest, ReadOnlySpan<byte> lossLog)
    {
        var log = $"{draft.Stem}.losslog";
        if (draft.Shared) files.Delete(Join(log));
        Write(log, lossLog);
        // All that the manifest names is durable, names included, before the manifest exists.
        files.FlushFolder(Folder);
        var name = ManifestOf(draft);
        Write(name, (manifest with { LossLog = new CheckpointFile(log, lossLog.Length, Convert.ToHexStringLower(SHA256.HashData(lossLog))) }).ToBytes());
        files.FlushFolder(Folder);
        return Join(name);
    }

    /// <summary>Drops this job's checkpoints beyond the newest and the best, and files that belong to none.</summary>
    /// <param name="score">A step's score, lower is better; null where it has none.</param>
    public void Prune(string identity, int keepLast, Func<long, double?> score)
    {
        var own = new List<(string Name, long Step)>();
        foreach (var name in Manifests())
        {
            try
            {
                var manifest = ReadManifest(name);
                if (manifest.Identity == identity) own.Add((name, manifest.Step));
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // A damaged manifest is evidence: it stays, and restore names it and goes on to the next.
            }
        }
        var best = own.Where(o => score(o.Step) is not null).OrderBy(o => score(o.Step)).Select(o => o.Name).FirstOrDefault();
        var dropped = own.SkipLast(Math.Max(1, keepLast)).Where(o => o.Name != best).Select(o => o.Name).ToList();
        foreach (var name in dropped) files.Delete(Join(name));
        if (dropped.Count > 0) files.FlushFolder(Folder);
        var stems = Manifests().Select(n => StemOf(n)!.Value).ToHashSet();
        foreach (var orphan in files.List(Folder).Where(n => StemOf(n) is { } stem && !stems.Contains(stem))) files.Delete(Join(orphan));
    }

    /// <summary>The newest checkpoint of this job that verifies, and why newer ones were skipped; null where none does.</summary>
    public RestoredCheckpoint? RestoreNewest(ResolvedJob job, ICollection<CheckpointProblem> skipped)
    {
        foreach (var name in Manifests().Reverse())
        {
            try
            {
                return Restore(name, job);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                skipped.Add(new CheckpointProblem(name, e.Message));
            }
        }
        return null;
    }

    /// <summary>Reads one checkpoint, checking everything on the way.</summary>
    /// <param name="manifestName">File name within the folder.</param>
    /// <exception cref="InvalidDataException">Damaged, or of another job or model.</exception>
    public RestoredCheckpoint Restore(string manifestName, ResolvedJob job)
    {
        var manifest = ReadManifest(manifestName);
        if (manifest.Identity != job.Identity) throw new InvalidDataException($"it is of another job (identity {manifest.Identity[..Math.Min(12, manifest.Identity.Length)]}). This job's is {job.Identity[..Math.Min(12, job.Identity.Length)]}.");
        var (vectors, log) = ReadContent(manifest, job.Layout, job.Optimizer.StateNames, job.Optimizer.RetiredStates);
        return new RestoredCheckpoint(manifest, Join(manifestName), vectors, log);
    }

    /// <summary>Only the weights, for a model of the same layout: prediction and evaluation need no more.</summary>
    /// <exception cref="InvalidDataException">Damaged, or of another model.</exception>
    public float[] ReadWeights(string manifestName, ParameterLayout layout)
    {
        var manifest = ReadManifest(manifestName);
        return ReadContent(manifest, layout, manifest.States).Vectors[..layout.Length];
    }

    /// <summary>Weights with the parameters taken from one of the optimizer's state vectors, such as ema; running statistics stay.</summary>
    /// <exception cref="InvalidDataException">Damaged, of another model, or without such a vector.</exception>
    public float[] ReadWeights(string manifestName, ParameterLayout layout, string state)
    {
        var manifest = ReadManifest(manifestName);
        var index = manifest.States.ToList().IndexOf(state);
        if (index < 0) throw new InvalidDataException($"it has no state vector {state}. It has {(manifest.States.Count > 0 ? string.Join(", ", manifest.States) : "none")}.");
        var vectors = ReadContent(manifest, layout, manifest.States).Vectors;
        var weights = vectors[..layout.Length];
        foreach (var slice in layout.Slices.Where(s => s.Kind == SliceKind.Parameter)) vectors.AsSpan((index + 1) * layout.Length + slice.Offset, slice.Length).CopyTo(weights.AsSpan(slice.Offset));
        return weights;
    }

    /// <summary>Manifest names, oldest step first.</summary>
    public IReadOnlyList<string> Manifests() =>
        [.. files.List(Folder).Where(n => n.EndsWith(ManifestSuffix, StringComparison.Ordinal) && StemOf(n) is not null).OrderBy(n => StemOf(n)!.Value.Step).ThenBy(n => StemOf(n)!.Value.Attempt)];

    /// <exception cref="InvalidDataException">Damaged.</exception>
    public ManifestFile ReadManifest(string manifestName) => ManifestFile.Parse(ReadAll(manifestName, long.MaxValue));

    /// <summary>What is wrong with a checkpoint's bytes, file by file; empty where it verifies.</summary>
    public IReadOnlyList<CheckpointProblem> Verify(string manifestName)
    {
        var problems = new List<CheckpointProblem>();
        try
        {
            var manifest = ReadManifest(manifestName);
            foreach (var file in manifest.Shards.Append(manifest.LossLog))
            {
                try
                {
                    ReadChecked(file);
                }
                catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
                {
                    problems.Add(new CheckpointProblem(manifestName, e.Message));
                }
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            problems.Add(new CheckpointProblem(manifestName, e.Message));
        }
        return problems;
    }

    private (float[] Vectors, byte[] LossLog) ReadContent(ManifestFile manifest, ParameterLayout layout, IReadOnlyList<string> states, IReadOnlyList<string>? retired = null)
    {
        if (manifest.LayoutSha256 != ManifestFile.LayoutHash(layout)) throw new InvalidDataException("it is of another model: names, shapes or order of the parameters differ.");
        if (!manifest.States.Where(s => retired?.Contains(s) != true).SequenceEqual(states)) throw new InvalidDataException($"it holds the optimizer state [{string.Join(", ", manifest.States)}]. This job's optimizer has [{string.Join(", ", states)}].");
        var vectors = new float[(1 + states.Count) * layout.Length];
        var elements = 0L;
        foreach (var file in manifest.Shards)
            elements += ShardFile.Read(ReadChecked(file), file.Name, layout, states, vectors, retired);
        if (elements != ShardFile.Elements(layout, states.Count)) throw new InvalidDataException($"its shards hold {elements} elements. The model has {ShardFile.Elements(layout, states.Count)}.");
        return (vectors, ReadChecked(manifest.LossLog));
    }

    private byte[] ReadChecked(CheckpointFile file)
    {
        var bytes = ReadAll(file.Name, file.Bytes);
        var sha = Convert.ToHexStringLower(SHA256.HashData(bytes));
        return sha == file.Sha256 ? bytes : throw new InvalidDataException($"{file.Name} has SHA-256 {sha}. The manifest says {file.Sha256}: it is damaged.");
    }

    private byte[] ReadAll(string name, long expected)
    {
        try
        {
            using var stream = files.OpenRead(Join(name));
            if (expected != long.MaxValue && stream.Length != expected) throw new InvalidDataException($"{name} has {stream.Length} bytes. The manifest says {expected}.");
            if (stream.Length > Array.MaxLength) throw new InvalidDataException($"{name} has {stream.Length} bytes. At most {Array.MaxLength} can be read; use more shards.");
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (FileNotFoundException)
        {
            throw new InvalidDataException($"{name} is missing.");
        }
    }

    private void Write(string name, ReadOnlySpan<byte> bytes)
    {
        using (var writer = files.Create(Join(TemporaryPrefix + name)))
        {
            writer.Write(bytes);
            writer.Flush();
        }
        GiveName(name);
    }

    private void GiveName(string name)
    {
        if (!files.TryPublish(Join(TemporaryPrefix + name), Join(name)))
            throw new IOException($"{Join(name)} exists already: another run writes to the same folder. Give each run a folder of its own.");
    }

    private string Join(string name) => Path.Combine(Folder, name);

    private static Stem? StemOf(string name)
    {
        var parts = name.Split('.')[0].Split('-');
        return parts is ["step", var step, var attempt]
            && long.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var s) && int.TryParse(attempt, NumberStyles.None, CultureInfo.InvariantCulture, out var a)
            ? new Stem(s, a)
            : null;
    }

    private readonly record struct Stem(long Step, int Attempt)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"step-{Step:D10}-{Attempt}");
    }
}
