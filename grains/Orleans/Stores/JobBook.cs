using DistTrain.Contracts;

namespace DistTrain.Grains;

/// <summary>
/// In which order a job's beginning and end are written down, so that a crash between any two writes loses no job and leaves none that is looked after for ever:
/// submission, open, job; then end, no longer open. An open job without its entry is made up from the submission; one with an end is no longer open.
/// </summary>
internal static class JobBook
{
    /// <summary>Begins a job whose submission is written. Again for one that is there: what a crash has left out is made up for.</summary>
    public static async Task BeginAsync(IClusterStore store, JobEntry entry, CancellationToken cancellation)
    {
        // An end that comes between leaves the job open; whoever is asked to go on with it finds the end, and closes it.
        if (await store.ReadAsync(StoreKind.End, entry.Job, cancellation).ConfigureAwait(false) is null)
            await store.WriteAsync(StoreKind.Open, entry.Job, entry.Submission, 0, cancellation).ConfigureAwait(false);
        await store.WriteAsync(StoreKind.Job, entry.Job, entry.ToText(), 0, cancellation).ConfigureAwait(false);
    }

    /// <summary>For an open job that has no entry: who accepted it died between the two.</summary>
    public static async Task MakeUpAsync(IClusterStore store, StoredText open, CancellationToken cancellation)
    {
        if (open.Text.Length > 0 && await store.ReadAsync(StoreKind.Submission, open.Text, cancellation).ConfigureAwait(false) is { } submission && JobEntry.Parse(submission) is { } entry && entry.Job == open.Key)
            await store.WriteAsync(StoreKind.Job, entry.Job, entry.ToText(), 0, cancellation).ConfigureAwait(false);
        else await store.RemoveAsync(StoreKind.Open, open.Key, cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes how a job ended, if nobody has.</summary>
    public static async Task EndAsync(IClusterStore store, JobStatus end, CancellationToken cancellation)
    {
        await store.WriteAsync(StoreKind.End, end.Job, JobEntry.ToText(end), 0, cancellation).ConfigureAwait(false);
        await CloseAsync(store, end.Job, cancellation).ConfigureAwait(false);
    }

    /// <summary>For a job whose end is there.</summary>
    public static Task CloseAsync(IClusterStore store, string job, CancellationToken cancellation) => store.RemoveAsync(StoreKind.Open, job, cancellation);
}
