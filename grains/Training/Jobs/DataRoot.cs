using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Training;

/// <summary>
/// The folder that holds all data of submitted jobs: what a spec over the wire names must stay in it, symbolic links followed, the files that options of its format name too.
/// A spec that is read on this machine may name any file.
/// </summary>
public static class DataRoot
{
    // As many as Linux follows.
    private const int MostLinks = 40;

    /// <summary>Refuses what needs no look at the disk to be seen as outside: rooted paths and more <c>..</c> than folders, in the data's paths and the checkpoint's.</summary>
    /// <exception cref="SpecException">Every problem.</exception>
    public static void CheckSubmitted(JobFile file)
    {
        var problems = Paths(file, file.Spec.Data.Path).Where(p => Climbs(p.Path)).Select(p => Outside(file, p.Field, p.Set)).ToList();
        if (Climbs(file.Spec.Init.From)) problems.Add(Outside(file, "spec.init.from", file.Spec.Init.From));
        if (Climbs(file.Spec.Checkpoint.Path))
            problems.Add(file.Problem("spec.checkpoint.path", $"is {file.Spec.Checkpoint.Path}. It must be relative and stay in the server's own folder of runs. Leave it out, or name a folder such as checkpoints/{file.Spec.Name}."));
        if (problems.Count > 0) throw new SpecException(problems);
    }

    /// <summary>Where a submitted spec's data is, as a full path beneath <paramref name="root"/>; empty where it names none (built-in data).</summary>
    /// <exception cref="SpecException">It is elsewhere, or a path of the spec is refused as by <see cref="CheckSubmitted"/>.</exception>
    public static string Resolve(JobFile file, string root)
    {
        CheckSubmitted(file);
        if (file.Spec.Data.Path.Length == 0) return "";
        var full = Path.GetFullPath(Path.Combine(Path.GetFullPath(root), file.Spec.Data.Path));
        var problems = Paths(file, full).Where(p => !Holds(root, p.Path)).Select(p => Outside(file, p.Field, p.Set)).ToList();
        return problems.Count == 0 ? full : throw new SpecException(problems);
    }

    /// <summary>What puts a submitted spec's data and first weights beneath <paramref name="root"/>, as full paths; empty where it names neither.</summary>
    /// <exception cref="SpecException">As <see cref="Resolve"/>, of the file of weights too.</exception>
    public static IReadOnlyList<SpecOverride> Place(JobFile file, string root)
    {
        var (data, from) = (Resolve(file, root), file.Spec.Init.From);
        var weights = from.Length == 0 ? "" : Path.GetFullPath(Path.Combine(Path.GetFullPath(root), from));
        if (weights.Length > 0 && !Holds(root, weights)) throw new SpecException([Outside(file, "spec.init.from", from)]);
        return [.. data.Length > 0 ? new[] { At(data) } : [], .. weights.Length > 0 ? new[] { Full("init.from", weights) } : []];
    }

    /// <summary>Sets a spec's data path to what <see cref="Resolve"/> found, letter for letter.</summary>
    public static SpecOverride At(string path) => Full("data.path", path);

    private static SpecOverride Full(string field, string path) => new(field, System.Text.Json.JsonSerializer.Serialize(path), "the data folder");

    /// <summary>Whether a full path is <paramref name="root"/> or beneath it, once the links of both are followed. What does not exist is taken as it is written.</summary>
    public static bool Holds(string root, string path)
    {
        try
        {
            if (Real(Path.GetFullPath(root)) is not { } top || Real(path) is not { } real) return false;
            return real == top || real.StartsWith(Path.EndsInDirectorySeparator(top) ? top : top + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static IEnumerable<(string Field, string Set, string Path)> Paths(JobFile file, string path)
    {
        if (path.Length == 0) yield break;
        yield return ("spec.data.path", file.Spec.Data.Path, path);
        foreach (var (option, set, named) in new SpecComponents(file).Format?.FilesBeside(path) ?? []) yield return ($"spec.data.format.{option}", set, named);
    }

    private static SpecProblem Outside(JobFile file, string field, string set) =>
        file.Problem(field, $"is {set}. It must be relative and stay in the server's data folder (its --data), links followed. Put the data there, or start the server with the folder that holds it.");

    private static bool Climbs(string path)
    {
        if (Path.IsPathRooted(path) || path.Contains('\0', StringComparison.Ordinal)) return true;
        var depth = 0;
        foreach (var name in path.Split('/', Path.DirectorySeparatorChar))
        {
            depth += name switch { "" or "." => 0, ".." => -1, _ => 1 };
            if (depth < 0) return true;
        }
        return false;
    }

    /// <summary>As the operating system walks it: each link is followed before a <c>..</c> after it counts. Null where links go in circles.</summary>
    private static string? Real(string path)
    {
        var (at, links) = (Path.GetPathRoot(path)!, 0);
        var ahead = new Stack<string>(Names(path[at.Length..]));
        while (ahead.TryPop(out var name))
        {
            if (name is "" or ".") continue;
            var next = name == ".." ? Path.GetDirectoryName(at) ?? at : Path.Join(at, name);
            if (name == ".." || new FileInfo(next).LinkTarget is not { } target)
            {
                at = next;
                continue;
            }
            if (++links > MostLinks) return null;
            if (Path.IsPathRooted(target))
            {
                at = Path.GetPathRoot(Path.GetFullPath(target))!;
                target = target[Path.GetPathRoot(target)!.Length..];
            }
            foreach (var inner in Names(target)) ahead.Push(inner);
        }
        return at;

        static IEnumerable<string> Names(string text) => text.Split('/', Path.DirectorySeparatorChar).Reverse();
    }
}
