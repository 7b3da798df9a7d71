using System.Net;

namespace DistTrain.Training;

/// <summary>Where a process of the cluster is. It travels in every control message, so nobody needs a directory of its own.</summary>
/// <param name="Name">What the host's wire routes control messages by. Never used again: a process that starts anew has another name.</param>
/// <param name="Lane">IP endpoint of its tensor lane, such as 10.0.0.3:7420.</param>
public sealed record NodeAddress(string Name, string Lane)
{
    /// <exception cref="FormatException">Not an IP endpoint.</exception>
    public IPEndPoint LaneEndpoint => IPEndPoint.Parse(Lane);

    /// <summary>As one text, for places that hold a text; <see cref="Parse"/> reads it.</summary>
    public string ToText() => $"{Lane} {Name}";

    /// <returns>null where the text is none of <see cref="ToText"/>.</returns>
    public static NodeAddress? Parse(string text) => text.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space && IPEndPoint.TryParse(text.AsSpan(0, space), out _) ? new NodeAddress(text[(space + 1)..], text[..space]) : null;

    public override string ToString() => Name;
}

/// <summary>A seat of a job and the node that runs it.</summary>
public readonly record struct SeatPlace(int Seat, NodeAddress Node);
