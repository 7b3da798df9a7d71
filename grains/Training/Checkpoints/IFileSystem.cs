namespace DistTrain.Training;

/// <summary>All that a checkpoint does to a disk, operation by operation, so that a test can stop the machine after any of them.</summary>
public interface IFileSystem
{
    void CreateFolder(string folder);

    /// <summary>A new empty file, replacing one that is there. Nothing is durable before Flush.</summary>
    IFileWriter Create(string path);

    /// <summary>Gives a written file its final name in one step; false where that name is taken.</summary>
    bool TryPublish(string temporaryPath, string path);

    /// <summary>Gives a written file its final name in one step, in place of the file that has it.</summary>
    void Replace(string temporaryPath, string path);

    /// <summary>Makes creations, publications and deletions in a folder durable.</summary>
    void FlushFolder(string folder);

    void Delete(string path);

    /// <summary>File names (without the folder), sorted; empty where the folder is missing.</summary>
    IReadOnlyList<string> List(string folder);

    /// <summary>A file's bytes from its start. <see cref="FileNotFoundException"/> where it is missing.</summary>
    Stream OpenRead(string path);
}

/// <summary>A file being written.</summary>
public interface IFileWriter : IDisposable
{
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Makes what was written durable (fsync).</summary>
    void Flush();
}
