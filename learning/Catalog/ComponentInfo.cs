using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace DistTrain.Learning;

/// <summary>One component: a [Named] class, its kind (the abstract base that other code knows) and its options.</summary>
/// <remarks>
/// Options are a nested record <c>Options</c>: constructor parameters first, then settable properties, with [Range] from
/// System.ComponentModel.DataAnnotations; the first one takes the short form <c>{linear: 10}</c>. The class has one public constructor,
/// which takes that record, or nothing. A record that implements IValidatableObject checks options against each other.
/// </remarks>
public sealed class ComponentInfo
{
    private readonly ConstructorInfo _make;
    private readonly ConstructorInfo? _makeOptions;
    private readonly List<PropertyInfo?> _properties = [];

    internal ComponentInfo(Type type, Type kind, string name)
    {
        (Type, Kind, Name) = (type, kind, name);
        _make = type.GetConstructors() is [var only] ? only : throw new InvalidOperationException($"{type} is [Named(\"{name}\")]; it must have one public constructor.");
        var record = type.GetNestedType("Options");
        var takes = _make.GetParameters();
        if (takes.Length > 1 || (takes.Length == 1 && takes[0].ParameterType != record) || (takes.Length == 0 && record is not null))
            throw new InvalidOperationException($"{type} is [Named(\"{name}\")]; its constructor must take its Options record, or nothing when it has none.");
        OptionsType = record;
        Options = record is null ? [] : Describe(record, out _makeOptions);
    }

    public string Name { get; }

    /// <summary>The class.</summary>
    public Type Type { get; }

    /// <summary>The abstract base: Optimizer, Layer, ...</summary>
    public Type Kind { get; }

    /// <summary>The Options record; null when the component has none.</summary>
    public Type? OptionsType { get; }

    /// <summary>In declaration order; the first takes the short form.</summary>
    public IReadOnlyList<OptionInfo> Options { get; }

    /// <summary>Docstring: formula, shapes, source.</summary>
    public string Doc => Documentation.Summary(Type);

    /// <summary>A component from values in the order of <see cref="Options"/>.</summary>
    internal object Make(object?[] values, out object? options)
    {
        options = _makeOptions is null ? null : MakeOptions(_makeOptions, values);
        return _make.Invoke(BindingFlags.DoNotWrapExceptions, null, options is null ? [] : [options], null);
    }

    private object MakeOptions(ConstructorInfo make, object?[] values)
    {
        var taken = make.GetParameters().Length;
        var options = make.Invoke(BindingFlags.DoNotWrapExceptions, null, values[..taken], null);
        for (var i = taken; i < values.Length; i++) _properties[i]!.SetValue(options, values[i]);
        return options;
    }

    private List<OptionInfo> Describe(Type record, out ConstructorInfo make)
    {
        // A record's copy constructor is protected when sealed types are public: what is left is the primary one.
        make = record.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
        var options = new List<OptionInfo>();
        foreach (var parameter in make.GetParameters())
        {
            var property = record.GetProperty(parameter.Name!);
            _properties.Add(property);
            var value = !parameter.HasDefaultValue ? null
                : parameter.DefaultValue ?? (parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null);
            options.Add(new OptionInfo(OptionInfo.CamelCase(parameter.Name!), parameter.ParameterType, !parameter.HasDefaultValue, value,
                property?.GetCustomAttribute<RangeAttribute>() ?? parameter.GetCustomAttribute<RangeAttribute>(), Documentation.Option(record, parameter.Name!)));
        }
        var blank = make.Invoke([.. make.GetParameters().Select((p, i) => options[i].Default ?? (p.ParameterType.IsValueType ? Activator.CreateInstance(p.ParameterType) : null))]);
        foreach (var property in record.GetProperties().Where(p => p.CanWrite && options.TrueForAll(o => o.Name != OptionInfo.CamelCase(p.Name))))
        {
            _properties.Add(property);
            options.Add(new OptionInfo(OptionInfo.CamelCase(property.Name), property.PropertyType, false, property.GetValue(blank),
                property.GetCustomAttribute<RangeAttribute>(), Documentation.Option(record, property.Name)));
        }
        return options;
    }
}
