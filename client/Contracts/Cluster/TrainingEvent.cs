namespace DistTrain.Contracts;

/// <summary>Something worth a line: a worker joined, a shard was promoted, a checkpoint was published, the job ended.</summary>
/// <param name="Sequence">1, 2, 3, ... within the job; a viewer that lost its connection asks for what comes after the last it saw.</param>
/// <param name="At">When, by the clock of the silo that saw it.</param>
/// <param name="Step">Steps committed when it happened.</param>
/// <param name="Kind">In camel case, such as workerJoined, shardPromoted, checkpointPublished, warning, ended.</param>
/// <param name="Severity">info, warning or error.</param>
/// <param name="Text">One sentence with names and numbers.</param>
public sealed record TrainingEvent(long Sequence, DateTimeOffset At, long Step, string Kind, string Severity, string Text);
