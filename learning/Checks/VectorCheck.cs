using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>What became of one golden case.</summary>
public enum VectorStatus
{
    Pass,
    Fail,

    /// <summary>No component of ours does this; neither passed nor failed.</summary>
    Unsupported,
}

/// <param name="File">Name of the file without folder.</param>
/// <param name="Case">Name of the case.</param>
/// <param name="Status">Pass when the error is within the limit.</param>
/// <param name="Error">max |ours - value| / max |value|, the largest of all tensors that the case gives, each by its own scale; NaN when unsupported.</param>
/// <param name="Limit">1e-5; 1e-4 for whole trajectories and recurrent nets.</param>
/// <param name="Reason">Why it is unsupported or could not be run.</param>
public sealed record VectorResult(string File, string Case, VectorStatus Status, double Error, double Limit, string? Reason = null);

/// <summary>Compares ops, layers, losses, optimizers and short trainings on a device with golden values computed elsewhere in float64.</summary>
public static class VectorCheck
{
    public const double Limit = 1e-5;

    /// <summary>Of whole trainings and of recurrent nets, where each step reads the rounding of the one before.</summary>
    public const double SequenceLimit = 1e-4;

    /// <summary>Every case of every *.json of a folder (or of one file), in order of names.</summary>
    /// <exception cref="InvalidDataException">A file is not in the format.</exception>
    public static IEnumerable<VectorResult> Run(string path, Device device)
    {
        var files = Directory.Exists(path) ? Directory.GetFiles(path, "*.json").Order(StringComparer.Ordinal) : (IEnumerable<string>)[path];
        foreach (var file in files)
            foreach (var vector in VectorFile.Read(file).Cases)
                yield return Run(Path.GetFileName(file), vector, device);
    }

    public static VectorResult Run(string file, VectorCase vector, Device device)
    {
        var limit = vector.Has("losses") || vector.Inputs.ContainsKey("weight_hh_l0") ? SequenceLimit : Limit;
        try
        {
            var error = vector.Has("losses") ? TrajectoryVectors.Error(vector, device)
                : vector.Inputs.ContainsKey("gradients") ? OptimizerVectors.Error(vector, device)
                : OpVectors.Error(vector, device);
            return new VectorResult(file, vector.Name, error <= limit ? VectorStatus.Pass : VectorStatus.Fail, error, limit);
        }
        catch (Exception missing) when (missing is UnsupportedVectorException or NotSupportedException)
        {
            return new VectorResult(file, vector.Name, VectorStatus.Unsupported, double.NaN, limit, missing.Message);
        }
        catch (ContradictoryVectorException contradiction)
        {
            return new VectorResult(file, vector.Name, VectorStatus.Fail, contradiction.Error, limit, contradiction.Message);
        }
        catch (Exception broken) when (broken is ShapeException or ArgumentException or InvalidDataException or InvalidOperationException or FormatException or OverflowException)
        {
            return new VectorResult(file, vector.Name, VectorStatus.Fail, double.PositiveInfinity, limit, broken.Message);
        }
    }
}

/// <summary>No component of ours does what a golden case asks.</summary>
internal sealed class UnsupportedVectorException(string message) : Exception(message);

/// <summary>A golden case is missed by the formula in float64 too.</summary>
/// <param name="error">What our kernel misses it by.</param>
internal sealed class ContradictoryVectorException(double error, string message) : Exception(message)
{
    public double Error { get; } = error;
}
