namespace DistTrain.Learning;

/// <summary>How a training and a test set are found and read. A format is one [Named] class with a nested Options record, given to its constructor.</summary>
public abstract class DatasetFormat
{
    /// <summary>Reads both sets.</summary>
    /// <param name="path">Folder or file as the format asks for it; empty for built-in data.</param>
    /// <param name="seed">The job's seed, for formats that draw (generated sets, random splits) and whose options name no seed of their own.</param>
    /// <exception cref="DatasetException">Something is missing, unreadable or malformed: the message names the file, what was found, what must be there and what to do.</exception>
    public abstract DataSplit Open(string path, ulong seed);

    /// <summary>Height and width that it brings images to; null: it takes them as they are, or reads none.</summary>
    public virtual Pair? ImageSize => null;

    /// <summary>The files that options name, beside what <paramref name="path"/> holds: the option, what it is set to, the path that would be opened.</summary>
    public virtual IReadOnlyList<(string Option, string Set, string Path)> FilesBeside(string path) => [];
}
