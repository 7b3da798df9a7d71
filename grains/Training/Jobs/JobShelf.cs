using System.Text.Json;
using DistTrain.Contracts;

namespace DistTrain.Training;

/// <summary>The folder in which a server keeps its jobs; of one server at a time.</summary>
internal sealed class JobShelf : IDisposable
{
    private const string LockName = ".server.lock";

    private readonly string _folder;
    private readonly FileStream _lock;

    /// <exception cref="IOException">Another server keeps its jobs there, or the folder cannot be written.</exception>
    public JobShelf(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        try
        {
            _lock = new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken)
        {
            throw new IOException($"{folder} is in use by another server, which keeps its jobs there. Stop that one, or name another folder.", taken);
        }
    }

    public JobFolder Of(string job) => new(Path.Combine(_folder, job));

    /// <summary>Every job's record, the oldest submission first, and what could not be read.</summary>
    public (IReadOnlyList<(JobFolder Folder, JobRecord Record)> Jobs, IReadOnlyList<string> Problems) Read()
    {
        var (jobs, problems) = (new List<(JobFolder Folder, JobRecord Record)>(), new List<string>());
        foreach (var path in Directory.EnumerateDirectories(_folder).Where(JobFolder.HasRecord))
        {
            var folder = new JobFolder(path);
            try
            {
                jobs.Add((folder, folder.Read()));
            }
            catch (Exception damaged) when (damaged is JsonException or IOException or UnauthorizedAccessException)
            {
                problems.Add($"the job kept in {path} cannot be read: {damaged.Message}");
            }
        }
        return ([.. jobs.OrderBy(j => j.Record.Status.Submitted)], problems);
    }

    public void Dispose() => _lock.Dispose();
}
