using System.Text.RegularExpressions;

namespace DistTrain.Gpu.Tests;

/// <summary>
/// Which registers of a PTX kernel can differ between the threads of a group: what derives from the thread's number, or is loaded
/// from an address that does. A branch on such a register must not be marked uniform (bra.uni): the hardware may then take it wrongly.
/// </summary>
internal static partial class PtxUniformity
{
    /// <summary>The conditional branches marked uniform whose predicate can differ.</summary>
    public static IReadOnlyList<string> WrongHints(string ptx)
    {
        var instructions = ptx.Split('\n').Select(line => line.Trim()).Where(line => Instruction().IsMatch(line)).ToList();
        var differing = new HashSet<string>(StringComparer.Ordinal);
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var line in instructions)
            {
                var match = Instruction().Match(line);
                if (match.Groups["name"].Value is var name && (name.StartsWith("bra", StringComparison.Ordinal) || name.StartsWith("st.", StringComparison.Ordinal))) continue;
                var operands = match.Groups["operands"].Value;
                var end = operands.StartsWith('{') ? operands.IndexOf('}', StringComparison.Ordinal) : operands.IndexOf(',', StringComparison.Ordinal);
                if (end < 0) continue;
                var differs = operands[end..].Contains("%tid", StringComparison.Ordinal) || Register().Matches(operands[end..]).Any(r => differing.Contains(r.Value))
                    || differing.Contains(match.Groups["guard"].Value);
                foreach (Match target in Register().Matches(operands[..end]))
                    // 64-bit registers hold addresses and are used again and again: the latest definition counts.
                    if (differs) changed |= differing.Add(target.Value) && !target.Value.StartsWith("%rd", StringComparison.Ordinal);
                    else if (target.Value.StartsWith("%rd", StringComparison.Ordinal)) differing.Remove(target.Value);
            }
        }
        return [.. instructions.Where(line => Instruction().Match(line) is var m && m.Groups["name"].Value == "bra.uni" && differing.Contains(m.Groups["guard"].Value))];
    }

    [GeneratedRegex(@"^(@!?(?<guard>%p\d+)\s+)?(?<name>[a-z][a-z0-9.]*)\s+(?<operands>.*);$")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"%[a-z]+\d+")]
    private static partial Regex Register();
}
