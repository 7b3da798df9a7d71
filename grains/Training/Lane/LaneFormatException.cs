namespace DistTrain.Training;

/// <summary>Why bytes are not a frame, or a message is none that can be; the connection that sent them is closed.</summary>
public sealed class LaneFormatException(string message) : IOException(message);
