using System.Formats.Tar;
using System.Globalization;
using DistTrain.Contracts;

namespace DistTrain.Dashboard;

/// <summary>A checkpoint as one tar file: its manifest and every file that the manifest names, as they lie on the disk.</summary>
internal static class CheckpointRoutes
{
    /// <summary>The step alone says which: no part of a path comes from the request. Sent as it is read, whatever its size.</summary>
    public static async Task Files(ApiRequest request)
    {
        if (!long.TryParse((string?)request.Http.Request.RouteValues["step"], NumberStyles.None, CultureInfo.InvariantCulture, out var step))
            throw new ClusterException(ClusterError.Invalid, $"the checkpoint is \"{request.Http.Request.RouteValues["step"]}\". It must be the number of a step, as the list of checkpoints has it.");
        var published = await request.Cluster.CheckpointsAsync(request.Job, request.Cancellation).ConfigureAwait(false);
        var report = published.FirstOrDefault(c => c.Step == step) ?? throw new ClusterException(ClusterError.NotFound,
            $"job {request.Job} has no checkpoint of step {step}. {(published.Count == 0 ? "It has none yet." : $"It has {string.Join(", ", published.Take(5).Select(c => c.Step))}{(published.Count > 5 ? ", ..." : "")}.")}");
        using var files = CheckpointFiles.Open(report.Manifest);
        var response = request.Http.Response;
        response.ContentType = "application/x-tar";
        response.Headers.ContentDisposition = string.Create(CultureInfo.InvariantCulture, $"attachment; filename=\"{request.Job}-step-{step}.tar\"");
        var tar = new TarWriter(response.Body, TarEntryFormat.Pax, leaveOpen: true);
        await using var closing = tar.ConfigureAwait(false);
        foreach (var (name, content) in files.All)
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = content, ModificationTime = report.At, Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead }, request.Cancellation).ConfigureAwait(false);
    }
}
