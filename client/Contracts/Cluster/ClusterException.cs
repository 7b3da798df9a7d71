namespace DistTrain.Contracts;

/// <summary>Why a cluster did not do what was asked.</summary>
public enum ClusterError
{
    /// <summary>The request itself is wrong: an invalid spec, a bad id.</summary>
    Invalid,

    /// <summary>No such job or checkpoint.</summary>
    NotFound,

    /// <summary>It cannot be done as things stand: the id names another job, the job has ended.</summary>
    Conflict,

    /// <summary>No token or a wrong one.</summary>
    NotAllowed,

    /// <summary>The cluster cannot be reached or cannot answer now; asking again may help.</summary>
    Unreachable,
}

/// <summary>A request was refused. Problems: every reason, each with what is set, what it must be and what to do.</summary>
public sealed class ClusterException(ClusterError error, IReadOnlyList<string> problems, Exception? cause = null)
    : Exception(string.Join(Environment.NewLine, problems), cause)
{
    public ClusterException(ClusterError error, string problem, Exception? cause = null) : this(error, [problem], cause)
    {
    }

    public ClusterError Error { get; } = error;

    public IReadOnlyList<string> Problems { get; } = problems;
}
