namespace DistTrain.Learning;

/// <summary>The name under which a job spec finds this component. Kind = its base class (Optimizer, Schedule, Layer, ...). Duplicates fail at start.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class NamedAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}
