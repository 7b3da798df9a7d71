using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DistTrain.Training;

/// <summary>This machine's file system.</summary>
public sealed partial class DiskFileSystem : IFileSystem
{
    private const int FileExists = 17; // EEXIST on Linux and macOS
    private const int CurrentFolder = -100; // AT_FDCWD on Linux

    public void CreateFolder(string folder) => Directory.CreateDirectory(folder);

    public IFileWriter Create(string path) => new DiskFileWriter(File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.Read));

    public bool TryPublish(string temporaryPath, string path)
    {
        if (OperatingSystem.IsWindows()) return TryMove(temporaryPath, path);
        // A hard link is the one way to a new name that never replaces an old one.
        if (Link(temporaryPath, path) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error != FileExists && TryRename(temporaryPath, path, error);
        }
        File.Delete(temporaryPath);
        return true;
    }

    public void Replace(string temporaryPath, string path) => File.Move(temporaryPath, path, overwrite: true);

    public void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return; // NTFS journals names; a folder cannot be flushed.
        var handle = Open(folder, 0);
        if (handle < 0) throw new IOException($"folder {folder} cannot be opened to be flushed (error {Marshal.GetLastPInvokeError()}).");
        try
        {
            // EINVAL (22): a file system that has no flush of folders, such as some network shares.
            if (Fsync(handle) != 0 && Marshal.GetLastPInvokeError() != 22)
                throw new IOException($"folder {folder} cannot be flushed (error {Marshal.GetLastPInvokeError()}).");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    public void Delete(string path) => File.Delete(path);

    public IReadOnlyList<string> List(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)] : [];

    public Stream OpenRead(string path) => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.SequentialScan);

    // On Windows alone, where the system's move itself does not replace.
    private static bool TryMove(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(to))
        {
            return false;
        }
    }

    // Some file systems have no hard links (FAT, some network shares). File.Move looks whether the name is taken and then renames over it, which is no way to be the only one:
    // the system's own rename that never replaces is.
    private static bool TryRename(string from, string to, int linkError)
    {
        try
        {
            if ((OperatingSystem.IsMacOS() ? RenameExclusively(from, to, 4) : RenameAt(CurrentFolder, from, CurrentFolder, to, 1)) == 0) return true;
        }
        catch (EntryPointNotFoundException)
        {
            throw new IOException($"{to} cannot be published: this file system has no hard links (error {linkError}), and this system no exclusive rename.");
        }
        var error = Marshal.GetLastPInvokeError();
        return error == FileExists ? false : throw new IOException($"{to} cannot be published: a hard link fails with error {linkError}, an exclusive rename with error {error}.");
    }

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(int fromFolder, string from, int toFolder, string to, uint flags);

    [LibraryImport("libc", EntryPoint = "renamex_np", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameExclusively(string from, string to, uint flags);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string path);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int handle);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int handle);

    private sealed class DiskFileWriter(SafeFileHandle handle) : IFileWriter
    {
        private long _offset;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            RandomAccess.Write(handle, bytes, _offset);
            _offset += bytes.Length;
        }

        public void Flush() => RandomAccess.FlushToDisk(handle);

        public void Dispose() => handle.Dispose();
    }
}
