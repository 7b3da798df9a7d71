using System.Buffers.Binary;
using System.Text;

namespace DistTrain.Training;

/// <summary>What the two sides of a link say first, so that neither talks with a stranger: instance (8 bytes), token (length in 2 bytes, then bytes) for "node NAME", NAME.</summary>
/// <param name="Instance">Drawn at random when the node's peer is made: a node that comes back under its name has another.</param>
internal readonly record struct LaneGreeting(string Node, ulong Instance)
{
    public const int MaxNameBytes = 128;
    private static readonly TimeSpan _life = TimeSpan.FromMinutes(5);

    /// <param name="binding">What ties the greeting to this very connection; empty where nothing does.</param>
    public byte[] ToControl(ReadOnlySpan<byte> clusterKey, string binding, DateTimeOffset now)
    {
        var name = Encoding.UTF8.GetBytes(Node);
        var token = LaneToken.Issue(clusterKey, Subject(Node, binding), now + _life);
        var control = new byte[8 + 2 + token.Length + name.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(control, Instance);
        BinaryPrimitives.WriteUInt16LittleEndian(control.AsSpan(8), (ushort)token.Length);
        token.CopyTo(control, 10);
        name.CopyTo(control, 10 + token.Length);
        return control;
    }

    /// <exception cref="LaneFormatException">Not a greeting of a node that has the cluster's key.</exception>
    public static LaneGreeting Read(ReadOnlySpan<byte> control, ReadOnlySpan<byte> clusterKey, string binding, DateTimeOffset now)
    {
        var tokenBytes = control.Length < 10 ? -1 : BinaryPrimitives.ReadUInt16LittleEndian(control[8..]);
        if (tokenBytes < 0 || tokenBytes > control.Length - 10) throw new LaneFormatException($"a greeting of {control.Length} bytes announces a token of {tokenBytes}. It must hold instance, token and name.");
        var name = control[(10 + tokenBytes)..];
        if (name.Length is 0 or > MaxNameBytes) throw new LaneFormatException($"a node's name has {name.Length} bytes. It must have 1 to {MaxNameBytes}.");
        var greeting = new LaneGreeting(Encoding.UTF8.GetString(name), BinaryPrimitives.ReadUInt64LittleEndian(control));
        if (LaneToken.Refusal(clusterKey, Subject(greeting.Node, binding), control.Slice(10, tokenBytes), now) is { } refusal)
            throw new LaneFormatException($"node {greeting.Node} greets with a token that does not hold: {refusal} All nodes need the same cluster key, and clocks less than {_life.TotalMinutes:F0} minutes apart.");
        return greeting;
    }

    private static string Subject(string node, string binding) => $"node {node} {binding}";
}
