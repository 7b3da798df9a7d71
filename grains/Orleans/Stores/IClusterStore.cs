using DistTrain.Contracts;

namespace DistTrain.Grains;

/// <summary>A small text with its revision.</summary>
/// <param name="Revision">1, 2, 3, ...; the compare of compare-and-swap.</param>
public sealed record StoredText(string Key, string Text, long Revision);

/// <summary>
/// What the cluster must never guess, outliving all silos: submissions, jobs, registers, who holds a job, how jobs ended, events. Texts by kind and key, changed by
/// compare-and-swap. In PostgreSQL, or in a folder that every silo reaches.
/// </summary>
public interface IClusterStore
{
    /// <summary>Makes what is missing; may be called by several silos at once.</summary>
    Task PrepareAsync(CancellationToken cancellation);

    /// <returns>null where there is none.</returns>
    Task<StoredText?> ReadAsync(string kind, string key, CancellationToken cancellation);

    /// <summary>Writes if the text that is there has this revision (0: there is none), as one atomic, durable act.</summary>
    /// <returns>Whether it was written, and what is there now.</returns>
    Task<(bool Written, StoredText? Now)> WriteAsync(string kind, string key, string text, long expected, CancellationToken cancellation);

    Task<IReadOnlyList<StoredText>> ListAsync(string kind, CancellationToken cancellation);

    /// <summary>Removes a text, whatever its revision; nothing where there is none.</summary>
    Task RemoveAsync(string kind, string key, CancellationToken cancellation);

    /// <summary>Keeps events; those whose sequence is there already are left out.</summary>
    Task AppendAsync(string job, IReadOnlyList<TrainingEvent> events, CancellationToken cancellation);

    /// <summary>In order of their sequence.</summary>
    Task<IReadOnlyList<TrainingEvent>> EventsAsync(string job, CancellationToken cancellation);
}

/// <summary>Kinds of texts.</summary>
internal static class StoreKind
{
    /// <summary>By submission id: <see cref="JobEntry"/>.</summary>
    public const string Submission = "submission";

    /// <summary>By job id: <see cref="JobEntry"/>.</summary>
    public const string Job = "job";

    /// <summary>By job id, the submission's id: a job that has not ended. What every silo looks after; see <see cref="JobBook"/>.</summary>
    public const string Open = "open";

    /// <summary>By job id: the register record.</summary>
    public const string Register = "register";

    /// <summary>By type of grain and job id: which activation holds it; empty for none.</summary>
    public const string Holder = "holder";

    /// <summary>By job id: <see cref="MemberPlaces"/>.</summary>
    public const string Places = "places";

    /// <summary>By job id: the last status of a job that has ended.</summary>
    public const string End = "end";
}
