using DistTrain.Contracts;
using Orleans;

namespace DistTrain.Grains.Wire;

/// <summary>A grain refuses a request; clients see it as <see cref="ClusterException"/>.</summary>
[GenerateSerializer, Alias("disttrain.refused")]
public sealed class RequestRefusedException : Exception
{
    public RequestRefusedException(ClusterError error, params string[] problems) : base(string.Join(Environment.NewLine, problems)) => (Code, Problems) = ((byte)error, problems);

    /// <summary>A <see cref="ClusterError"/>.</summary>
    [Id(0)]
    public byte Code { get; private set; }

    [Id(1)]
    public string[] Problems { get; private set; }

    public ClusterException AsClusterException() =>
        new(Enum.IsDefined((ClusterError)Code) ? (ClusterError)Code : ClusterError.Unreachable, Problems is { Length: > 0 } ? Problems : [Message], this);
}
