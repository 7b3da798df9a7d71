using System.Globalization;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <summary>
/// Key of a worker or seat grain: <c>job/number@silo</c>. The silo is part of the name because what a member holds is in that
/// silo's memory: when the silo is gone so is the member, and what takes its place has another number.
/// </summary>
public readonly record struct MemberKey(string Job, int Number, SiloAddress Silo)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Job}/{Number}@{Silo.ToParsableString()}");

    /// <exception cref="FormatException">Not such a key.</exception>
    public static MemberKey Parse(string key)
    {
        // A silo's text begins "ip:port@": the job's id and the number hold no @, so the first one ends them.
        var at = key.IndexOf('@', StringComparison.Ordinal);
        var slash = at > 0 ? key.LastIndexOf('/', at) : -1;
        if (slash <= 0 || !int.TryParse(key.AsSpan(slash + 1, at - slash - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new FormatException($"\"{key}\" is not a member's key; it must be job/number@silo.");
        return new MemberKey(key[..slash], number, SiloAddress.FromParsableString(key[(at + 1)..]));
    }
}
