using System.Globalization;
using System.Text;

namespace DistTrain.Learning;

/// <summary>The rows of one file: features as numbers, the target columns as text with their line, all bad fields reported together.</summary>
internal sealed class CsvTable
{
    private const int MostProblems = 20;

    public required string Path { get; init; }

    /// <summary>Names of all columns; "" where there is no header.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>Indexes of the target columns, in the order of a sample's target.</summary>
    public required IReadOnlyList<int> Target { get; init; }

    /// <summary>[rows, Columns.Count - Target.Count].</summary>
    public required List<float> Features { get; init; }

    /// <summary>The target columns' fields, [rows, Target.Count].</summary>
    public required List<string> Targets { get; init; }

    /// <summary>The line of each row.</summary>
    public required List<int> Lines { get; init; }

    public int Rows => Lines.Count;

    public string Where(int row, int target = 0) => $"{Path} line {Lines[row]}, column {Name(Target[target])}";

    private string Name(int column) => NameOf(Columns, column);

    public static CsvTable Read(string path, Csv.Options options, SourceBytes source)
    {
        using var file = SourceFile.Open(path, source);
        var bytes = file.TakeAll(Array.MaxLength);
        file.Finish("its text");
        using var text = new StreamReader(new MemoryStream(bytes), new UTF8Encoding(false, throwOnInvalidBytes: true));
        try
        {
            return Parse(path, new CsvReader(text, options.Separator, path), options);
        }
        catch (DecoderFallbackException e)
        {
            throw new DatasetException($"{path} is not UTF-8 text. Write it again in UTF-8.", e);
        }
    }

    private static CsvTable Parse(string path, CsvReader reader, Csv.Options options)
    {
        var first = reader.Next() ?? throw new DatasetException($"{path} has no rows. It must have at least one with features and a target.");
        if (first.Count < 2)
            throw new DatasetException($"{path} line {reader.Line} has {first.Count} column. Rows must have at least one feature and a target: check the delimiter, which is set to \"{options.Delimiter}\".");
        var hasHeader = options.Header switch { CsvHeader.Present => true, CsvHeader.Absent => false, _ => !first.Any(IsNumber) };
        IReadOnlyList<string> columns = hasHeader ? [.. first] : [.. first.Select(_ => "")];
        var target = FindTargets(path, columns, hasHeader, options);
        var table = new CsvTable { Path = path, Columns = columns, Target = target, Features = [], Targets = [], Lines = [] };
        var problems = new List<string>();
        for (var row = hasHeader ? reader.Next() : first; row is not null && problems.Count < MostProblems; row = reader.Next()) table.Add(row, reader.Line, problems);
        if (problems.Count > 0)
            throw new DatasetException(string.Join(Environment.NewLine, problems) + (problems.Count < MostProblems ? "" : $"{Environment.NewLine}{path}: further problems are not listed."));
        if (table.Rows == 0) throw new DatasetException($"{path} has a header and no rows. It must have at least one row with features and a target.");
        return table;
    }

    private void Add(IReadOnlyList<string> row, int line, List<string> problems)
    {
        if (row.Count != Columns.Count)
        {
            problems.Add($"{Path} line {line} has {row.Count} columns. It must have {Columns.Count}, like the first row: fill in or remove it.");
            return;
        }
        for (var column = 0; column < row.Count; column++)
        {
            if (Target.Contains(column)) continue;
            if (Number(row[column], out var value) is { } problem) problems.Add($"{Path} line {line}, column {Name(column)}: {problem}");
            Features.Add(value);
        }
        Lines.Add(line);
        for (var target = 0; target < Target.Count; target++)
        {
            Targets.Add(row[Target[target]]);
            if (Targets[^1].Length == 0) problems.Add($"{Where(Rows - 1, target)}: the target is empty. It must be given in every row.");
        }
        if (Features.Count > Array.MaxLength - Columns.Count) throw new DatasetException($"{Path} has more than {Array.MaxLength} numbers by line {line}. At most that many are read into memory: split the file.");
    }

    /// <summary>Parses one number; returns what is wrong with it, or null.</summary>
    public static string? Number(string field, out float value)
    {
        value = 0;
        if (field.Length == 0) return "it is empty. It must be a number: fill it in or remove the row.";
        if (!float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out value)) return $"is \"{Short(field)}\". It must be a number, with a point for decimals; text columns cannot be features.";
        if (float.IsNaN(value)) return $"is \"{field}\". It must be a finite number: fill it in or remove the row.";
        return float.IsFinite(value) ? null : $"is \"{Short(field)}\", beyond what float32 can hold (3.4e38). It must be a finite number: scale the column.";
    }

    private static IReadOnlyList<int> FindTargets(string path, IReadOnlyList<string> columns, bool hasHeader, Csv.Options options)
    {
        if (options.TargetColumns.Count == 0) return [options.Target.Length == 0 ? columns.Count - 1 : Find(path, columns, hasHeader, "target", options.Target)];
        int[] found = [.. options.TargetColumns.Select(wanted => Find(path, columns, hasHeader, "targetColumns", wanted))];
        if (found.GroupBy(c => c).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new DatasetException($"{path}: the option targetColumns of csv names column {NameOf(columns, twice.Key)} twice. Name each once.");
        return found.Length < columns.Count ? found : throw new DatasetException($"{path}: the option targetColumns of csv names all {columns.Count} columns. At least one must be left as a feature.");
    }

    private static int Find(string path, IReadOnlyList<string> columns, bool hasHeader, string option, string wanted)
    {
        var named = Enumerable.Range(0, columns.Count).Where(i => hasHeader && columns[i] == wanted).ToList();
        if (named.Count == 1) return named[0];
        if (named.Count > 1) throw new DatasetException($"{path}: columns {string.Join(" and ", named.Select(i => i + 1))} are both called \"{wanted}\". Set the option {option} of csv to the number of one.");
        if (int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= columns.Count) return number - 1;
        var choices = hasHeader ? $"one of {string.Join(", ", columns)}, or a number from 1 to {columns.Count}" : $"a number from 1 to {columns.Count}, as the file has no header";
        throw new DatasetException($"{path}: the option {option} of csv {(option == "target" ? "is" : "has")} \"{wanted}\". It must be {choices}.");
    }

    private static bool IsNumber(string field) => float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static string NameOf(IReadOnlyList<string> columns, int column) => columns[column].Length == 0 ? $"{column + 1}" : $"{column + 1} ({Short(columns[column])})";

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
