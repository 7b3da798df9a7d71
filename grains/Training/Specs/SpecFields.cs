using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.RegularExpressions;
using DistTrain.Contracts;

namespace DistTrain.Training.Specs;

/// <summary>A field or a group of fields of the job file.</summary>
internal abstract record SpecMember(string Name, string Path, string Description);

internal sealed record SpecGroup(string Name, string Path, string Description) : SpecMember(Name, Path, Description)
{
    public List<SpecMember> Members { get; } = [];

    public SpecMember? Find(string name) => Members.Find(m => m.Name == name);
}

/// <summary>One field: which property it fills and what that property allows.</summary>
/// <param name="Section">The property of <see cref="JobSpec"/> that holds <paramref name="Property"/>; null where it is one itself.</param>
internal sealed record SpecField(string Name, string Path, string Description, PropertyInfo? Section, PropertyInfo Property) : SpecMember(Name, Path, Description)
{
    private static readonly JobSpec Defaults = new();

    public bool Required { get; } = Attribute(Property).Required;

    public string? Example { get; } = Attribute(Property).Example;

    /// <summary>The kind of component named here, or null.</summary>
    public string? Component { get; } = Attribute(Property).Component;

    public PropertyInfo? UpperEnd { get; } = Attribute(Property).UpperEnd is { } name ? Property.DeclaringType!.GetProperty(name) : null;

    public RangeAttribute? Range { get; } = Property.GetCustomAttribute<RangeAttribute>();

    public Regex? Pattern { get; } = Property.GetCustomAttribute<RegularExpressionAttribute>() is { } pattern
        ? new Regex(pattern.Pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)) : null;

    public IReadOnlyList<string>? Allowed { get; } = Property.GetCustomAttribute<AllowedValuesAttribute>()?.Values.Cast<string>().ToArray();

    public object Default => Get(Defaults)!;

    public object? Get(JobSpec spec) => Property.GetValue(Section is null ? spec : Section.GetValue(spec));

    public void Set(JobSpec spec, object value) => Property.SetValue(Section is null ? spec : Section.GetValue(spec), value);

    public static SpecFieldAttribute Attribute(PropertyInfo property) =>
        property.GetCustomAttribute<SpecFieldAttribute>() ?? throw new InvalidOperationException($"{property.DeclaringType!.Name}.{property.Name} has no [SpecField].");
}

/// <summary>The fields of a job file, read off the records of the contract once: the reader, the overrides, the writer and the JSON Schema share this table.</summary>
internal static class SpecFields
{
    public static SpecGroup Root { get; } = Build();

    public static SpecGroup Spec { get; } = (SpecGroup)Root.Find("spec")!;

    public static IEnumerable<SpecField> All => Of(Root);

    private static IEnumerable<SpecField> Of(SpecGroup group) =>
        group.Members.SelectMany(m => m is SpecGroup inner ? Of(inner) : [(SpecField)m]);

    private static SpecGroup Build()
    {
        var root = new SpecGroup("", "", "A DistTrain training job.");
        foreach (var property in typeof(JobSpec).GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var path = SpecField.Attribute(property).Path;
            if (IsSection(property.PropertyType))
            {
                var section = GroupAt(root, path, property);
                foreach (var inner in property.PropertyType.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                    if (SpecField.Attribute(inner).Path is { Length: > 0 } innerPath) AddField(section, innerPath, property, inner);
            }
            else
            {
                AddField(root, path, null, property);
            }
        }
        return root;
    }

    private static bool IsSection(Type type) => type.Namespace == typeof(JobSpec).Namespace && type != typeof(ComponentSpec);

    private static void AddField(SpecGroup group, string path, PropertyInfo? section, PropertyInfo property)
    {
        var names = path.Split('.');
        foreach (var name in names[..^1]) group = GroupAt(group, name, null);
        group.Members.Add(new SpecField(names[^1], Join(group.Path, names[^1]), DescriptionOf(property), section, property));
    }

    private static SpecGroup GroupAt(SpecGroup group, string path, PropertyInfo? described)
    {
        var names = path.Split('.');
        for (var i = 0; i < names.Length; i++)
        {
            if (group.Find(names[i]) is not SpecGroup inner)
                group.Members.Add(inner = new SpecGroup(names[i], Join(group.Path, names[i]), i == names.Length - 1 && described is not null ? DescriptionOf(described) : ""));
            group = inner;
        }
        return group;
    }

    private static string DescriptionOf(PropertyInfo property) => property.GetCustomAttribute<DescriptionAttribute>()?.Description ?? "";

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
