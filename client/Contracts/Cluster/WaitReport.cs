namespace DistTrain.Contracts;

/// <summary>One wait: who, for what, from whom, since when, until when.</summary>
/// <param name="Text">The whole as one sentence.</param>
/// <param name="Seconds">How long already.</param>
/// <param name="DeadlineSeconds">How long until it ends in a named error or a change of plan; infinite where nothing is lost by waiting.</param>
public sealed record WaitReport(string Who, string What, string From, double Seconds, double DeadlineSeconds, string Text);
