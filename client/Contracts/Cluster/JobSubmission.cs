namespace DistTrain.Contracts;

/// <summary>A job to be trained.</summary>
/// <param name="Id">Chosen by the client, at most 64 letters, digits, dashes, dots and underscores: a submission that is sent again with it is not a second job.</param>
/// <param name="Spec">The job spec as text, YAML or JSON.</param>
/// <param name="Overrides">key=value, applied in order over the spec, as --set does.</param>
public sealed record JobSubmission(string Id, string Spec, IReadOnlyList<string> Overrides);
