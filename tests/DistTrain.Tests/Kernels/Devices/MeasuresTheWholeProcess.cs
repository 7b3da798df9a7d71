namespace DistTrain.Tests.Kernels.Devices;

/// <summary>Tests that count allocations or time of the whole process run with nothing beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuresTheWholeProcess
{
    public const string Name = "measures the whole process";
}
