namespace DistTrain.Learning;

/// <summary>Data that cannot be used: what is set or found, what it must be, what to do.</summary>
public sealed class DatasetException(string message, Exception? cause = null) : Exception(message, cause);
