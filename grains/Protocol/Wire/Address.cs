namespace DistTrain.Protocol;

/// <summary>Which kind of machine, or the host itself.</summary>
public enum Role : byte
{
    /// <summary>The program that drives a machine: its clock, compute threads, shard memory, register and checkpoint store.</summary>
    Host,

    /// <summary>The scheduler of the job.</summary>
    Job,

    /// <summary>A place that can hold one shard's memory, as primary or replica. The placement of the incarnation says which.</summary>
    Seat,

    Worker,

    /// <summary>Whoever sent a control command.</summary>
    Client,
}

/// <summary>Who sends or receives. The number of a worker or seat is never used again within a job: what comes back after a crash has a new one.</summary>
public readonly record struct Address(Role Role, int Number)
{
    public static readonly Address Host = new(Role.Host, 0);
    public static readonly Address Job = new(Role.Job, 0);

    public static Address Seat(int number) => new(Role.Seat, number);

    public static Address Worker(int number) => new(Role.Worker, number);

    public override string ToString() => Role is Role.Seat or Role.Worker or Role.Client ? $"{Role} {Number}".ToLowerInvariant() : Role.ToString().ToLowerInvariant();
}
