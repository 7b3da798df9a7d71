using DistTrain.Protocol;

namespace DistTrain.Training;

/// <summary>A job's register in a folder that every node reaches. Names: <c>register-REVISION.json</c>, as <see cref="RevisionFolder"/> keeps them.</summary>
public sealed class FolderRegister(IFileSystem files, string folder) : IJobRegister
{
    private readonly RevisionFolder _revisions = new(files, folder, "register-", ".json", first: 0);

    public FolderRegister(string folder) : this(new DiskFileSystem(), folder)
    {
    }

    public RegisterRecord? Read() => _revisions.Read() is var (revision, text) ? RegisterFile.Parse(text, Path.Combine(folder, $"register-{revision:D12}.json")) : null;

    public RegisterRecord? Write(RegisterRecord record, long expected) => record.Revision == expected + 1 && _revisions.TryWrite(RegisterFile.ToText(record), record.Revision) ? record : Read();
}
