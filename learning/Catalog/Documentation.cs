using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace DistTrain.Learning;

/// <summary>Docstrings at run time, from the XML file that the compiler writes beside an assembly; empty where that file is absent.</summary>
internal static partial class Documentation
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> Files = new();

    /// <summary>The summary of a type as one line of plain text.</summary>
    public static string Summary(Type type) => Members(type).TryGetValue(Key(type), out var member) ? Text(member.Element("summary")) : "";

    /// <summary>The text of an option: the <c>param</c> of its record, or the summary of its property.</summary>
    public static string Option(Type record, string parameter)
    {
        if (Members(record).TryGetValue(Key(record), out var member))
            foreach (var text in member.Elements("param").Where(p => (string?)p.Attribute("name") == parameter)) return Text(text);
        return Members(record).TryGetValue($"P:{Key(record)[2..]}.{parameter}", out var property) ? Text(property.Element("summary")) : "";
    }

    private static string Key(Type type) => "T:" + type.FullName!.Replace('+', '.');

    private static IReadOnlyDictionary<string, XElement> Members(Type type) => Files.GetOrAdd(type.Assembly, static assembly =>
    {
        var members = new Dictionary<string, XElement>(StringComparer.Ordinal);
        var file = Path.Combine(AppContext.BaseDirectory, assembly.GetName().Name + ".xml");
        if (!File.Exists(file)) return members;
        try
        {
            foreach (var member in XDocument.Load(file).Descendants("member")) members[(string)member.Attribute("name")!] = member;
        }
        catch (XmlException)
        {
            members.Clear(); // a damaged docstring file costs help texts only
        }
        return members;
    });

    private static string Text(XElement? element)
    {
        if (element is null) return "";
        foreach (var see in element.Descendants().Where(e => e.Name == "see" || e.Name == "paramref").ToList())
            see.ReplaceWith(((string?)see.Attribute("cref") ?? (string?)see.Attribute("name") ?? "").Split('.', ':')[^1]);
        return Spaces().Replace(element.Value, " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
