using System.ComponentModel.DataAnnotations;
using System.Globalization;
using DistTrain.Kernels;

namespace DistTrain.Learning;

/// <summary>Whether the first row names the columns.</summary>
public enum CsvHeader
{
    /// <summary>It does when none of its fields is a number.</summary>
    Auto,
    Present,
    Absent,
}

/// <summary>
/// A table of numbers as delimited text, plain or gzip: every column but the targets is a feature, input [columns - targets]. One target column, or several of real values (a box, a distribution, many outputs).
/// The test set is a second file, or rows drawn from the first. Class labels are whole numbers from 0, or texts numbered in ordinal order.
/// </summary>
[Named("csv")]
public sealed class Csv(Csv.Options options) : DatasetFormat
{
    /// <param name="Target">The target column: its name in the header, or its number from 1; empty = the last.</param>
    /// <param name="Targets">labels: the target is a class. values: it is a real number.</param>
    /// <param name="Delimiter">One character.</param>
    /// <param name="Header">Whether the first row names the columns.</param>
    /// <param name="Test">File of the test set, relative to the training file's folder; empty = rows of the first file.</param>
    /// <param name="TestFraction">The share of rows that becomes the test set where there is no second file.</param>
    /// <param name="Seed">Decides which rows these are; none = the job's seed.</param>
    public sealed record Options(
        string Target = "",
        TargetKind Targets = TargetKind.Labels,
        string Delimiter = ",",
        CsvHeader Header = CsvHeader.Auto,
        string Test = "",
        [property: Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)] double TestFraction = 0.2,
        [property: Range(0, 9007199254740992.0)] long? Seed = null) : IValidatableObject
    {
        /// <summary>Several target columns of real values in place of target, names or numbers from 1, in the order of the model's outputs: targets must be values.</summary>
        public IReadOnlyList<string> TargetColumns { get; init; } = [];

        /// <summary>What the target columns are a row-major listing of, such as [3, 3]; empty: [columns].</summary>
        [Range(1, 1 << 20)]
        public IReadOnlyList<int> TargetShape { get; init; } = [];

        internal char Separator => Delimiter[0];

        public IEnumerable<ValidationResult> Validate(ValidationContext context)
        {
            if (Delimiter.Length != 1 || Delimiter[0] is '"' or '\n' or '\r')
                yield return new ValidationResult($"is \"{Delimiter}\". It must be one character, neither a quote nor a line end: \",\", \";\" or \"\\t\".", [nameof(Delimiter)]);
            if (TargetColumns.Count > 0 && Target.Length > 0) yield return new ValidationResult($"is set beside target. Only one of them can be: list all target columns in targetColumns.", [nameof(TargetColumns)]);
            if (TargetColumns.Count > 1 && Targets != TargetKind.Values) yield return new ValidationResult($"has {TargetColumns.Count} columns and targets is labels. A class is one column: set targets to values, or name one column.", [nameof(TargetColumns)]);
            if (TargetShape.Count > 0 && Targets != TargetKind.Values) yield return new ValidationResult("is set and targets is labels. A label has no shape: set targets to values, or remove targetShape.", [nameof(TargetShape)]);
            var columns = Math.Max(1, TargetColumns.Count);
            if (TargetShape.Count > 0 && TargetShape.Aggregate(1L, (all, axis) => Math.Min(all * axis, int.MaxValue)) != columns) yield return new ValidationResult($"is [{string.Join(", ", TargetShape)}]. Its axes must multiply to the {columns} target column{(columns == 1 ? "" : "s")}.", [nameof(TargetShape)]);
        }
    }

    private const int MostClasses = 65_536;

    public override DataSplit Open(string path, ulong seed)
    {
        if (path.Length == 0) throw new DatasetException("data.path is empty. It must be the file with the training rows, of format \"csv\".");
        if (Directory.Exists(path)) throw new DatasetException($"data.path is {path}, a folder. It must be the file with the training rows, of format \"csv\".");
        if (!File.Exists(path)) throw new DatasetException($"data.path is {path}, which does not exist (looked for {Path.GetFullPath(path)}). It must be the file with the training rows, of format \"csv\".");
        using var source = new SourceBytes();
        var table = CsvTable.Read(path, options, source);
        return options.Test.Length == 0 ? Split(table, source, options.Seed is { } own ? (ulong)own : seed) : WithTest(table, source, TestPath(path));
    }

    public override IReadOnlyList<(string Option, string Set, string Path)> FilesBeside(string path) => options.Test.Length == 0 ? [] : [("csv.test", options.Test, TestPath(path))];

    private string TestPath(string path) => Path.Combine(Path.GetDirectoryName(path) ?? "", options.Test);

    private DataSplit WithTest(CsvTable train, SourceBytes source, string testPath)
    {
        if (!File.Exists(testPath)) throw new DatasetException($"the option test of csv is {options.Test}, which does not exist (looked for {Path.GetFullPath(testPath)}). It must be the file with the test rows; leave it empty to draw them from the first file.");
        using var testSource = new SourceBytes();
        var test = CsvTable.Read(testPath, options, testSource);
        if (test.Columns.Count != train.Columns.Count || !test.Target.SequenceEqual(train.Target) || !test.Columns.SequenceEqual(train.Columns))
            throw new DatasetException($"{train.Path} has columns {Describe(train)}, {test.Path} has {Describe(test)}. They must be the same, in the same order.");
        var classes = ClassesOf(train);
        return new(Make("train", train, null, classes, source), Make("test", test, null, classes, testSource));
    }

    private DataSplit Split(CsvTable table, SourceBytes source, ulong seed)
    {
        if (table.Rows < 2) throw new DatasetException($"{table.Path} has 1 row. It must have at least 2, one to train on and one to test; or set the option test of csv to a second file.");
        var testRows = Math.Clamp((int)(table.Rows * options.TestFraction), 1, table.Rows - 1);
        var permutation = new KeyedPermutation(seed, 0, table.Rows);
        var isTest = new bool[table.Rows];
        for (var i = 0; i < testRows; i++) isTest[permutation[i]] = true;
        var rows = Enumerable.Range(0, table.Rows);
        var classes = ClassesOf(table);
        return new(Make("train", table, [.. rows.Where(row => !isTest[row])], classes, source), Make("test", table, [.. rows.Where(row => isTest[row])], classes, source));
    }

    private NumericTable Make(string name, CsvTable table, int[]? rows, Classes classes, SourceBytes source)
    {
        rows ??= [.. Enumerable.Range(0, table.Rows)];
        var (width, targets) = (table.Columns.Count - table.Target.Count, table.Target.Count);
        var features = new float[rows.Length * width];
        for (var i = 0; i < rows.Length; i++) table.Features.CopyTo(rows[i] * width, features, i * width, width);
        var identity = source.Identity($"csv {name}: {rows.Length} rows of {Path.GetFileName(table.Path)}");
        var problems = new List<string>();
        if (options.Targets == TargetKind.Labels)
        {
            var labels = Array.ConvertAll(rows, row => classes.Number(table, row, problems));
            Fail(problems);
            return NumericTable.Labelled(width, features, labels, classes.Count, classes.Names, identity);
        }
        var values = new float[rows.Length * targets];
        for (var i = 0; i < values.Length; i++)
        {
            var (row, target) = (rows[i / targets], i % targets);
            if (CsvTable.Number(table.Targets[row * targets + target], out values[i]) is { } problem) problems.Add($"{table.Where(row, target)}: {problem}");
        }
        Fail(problems);
        return NumericTable.Valued(width, features, options.TargetShape.Count > 0 ? new Shape([.. options.TargetShape]) : new Shape(targets), values, identity);
    }

    private Classes ClassesOf(CsvTable table)
    {
        if (options.Targets == TargetKind.Values) return new(0, []);
        if (table.Targets.All(target => int.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            var largest = table.Targets.Max(target => int.Parse(target, CultureInfo.InvariantCulture));
            return largest < MostClasses ? new(Math.Max(2, largest + 1), [])
                : throw new DatasetException($"{table.Path} has label {largest} in column {table.Target[0] + 1}. Labels must be 0 to {MostClasses - 1}: number the classes from 0, or set the option targets of csv to values.");
        }
        var names = table.Targets.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return names.Count <= MostClasses ? new(Math.Max(2, names.Count), names)
            : throw new DatasetException($"{table.Path} has {names.Count} different labels in column {table.Target[0] + 1}. There must be at most {MostClasses}: set the option target of csv to the column of the class.");
    }

    private static string Describe(CsvTable table) => table.Columns[0].Length == 0 ? $"1 to {table.Columns.Count}" : string.Join(", ", table.Columns);

    private static void Fail(List<string> problems)
    {
        const int most = 20;
        if (problems.Count > 0) throw new DatasetException(string.Join(Environment.NewLine, problems.Take(most)) + (problems.Count > most ? $"{Environment.NewLine}and {problems.Count - most} more." : ""));
    }

    private sealed class Classes(int count, IReadOnlyList<string> names)
    {
        private readonly Dictionary<string, int> _numbers = names.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => pair.number, StringComparer.Ordinal);

        public int Count => count;

        public IReadOnlyList<string> Names => names;

        // -1 with a problem where the training set lacks the label.
        public int Number(CsvTable table, int row, List<string> problems)
        {
            var target = table.Targets[row];
            if (names.Count == 0 && int.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < count) return number;
            if (_numbers.TryGetValue(target, out number)) return number;
            problems.Add($"{table.Where(row)}: is \"{target}\". It must be {(names.Count == 0 ? $"a whole number from 0 to {count - 1}" : $"one of {string.Join(", ", names.Take(20))}")}, like the training set's.");
            return -1;
        }
    }
}
