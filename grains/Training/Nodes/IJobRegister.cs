using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>One job's register: a single record, changed by compare-and-swap, that every node reaches and that outlives all of them.</summary>
/// <remarks>Called from one thread that may wait. What throws is reported and asked again half a second later; a call should end in a few seconds.</remarks>
public interface IJobRegister
{
    /// <summary>null where there is none.</summary>
    RegisterRecord? Read();

    /// <summary>Writes the record durably if the one that is there has revision <paramref name="expected"/> (-1: none is there), as one atomic act.</summary>
    /// <returns>The record that is there now: the given one where it was written.</returns>
    RegisterRecord? Write(RegisterRecord record, long expected);
}
