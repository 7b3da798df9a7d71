using System.Globalization;

namespace DistTrain.Diagnosis;

/// <summary>One thing wrong with a file of curves; line and column are 1-based, the column counts characters.</summary>
public sealed record CurveFileProblem(int Line, int Column, string Message);

/// <summary>A file of curves that cannot be used, with its problems.</summary>
public sealed class CurveFileException(IReadOnlyList<CurveFileProblem> problems) : Exception(string.Join(Environment.NewLine, problems.Select(p => $"{p.Line}:{p.Column}: {p.Message}")))
{
    public IReadOnlyList<CurveFileProblem> Problems { get; } = problems;
}

/// <summary>
/// Curves from CSV of any tool: a header with step, train_loss and test_loss in any order, known further columns (accuracy, grad_norm, update_ratio,
/// learning_rate, dead_units), others passed over. An empty cell is a missing measurement; nan, inf and -inf are values. Comma, semicolon or tab.
/// </summary>
public static class CurveFile
{
    private const int MostProblems = 20;

    // First name = the one that messages use.
    private static readonly string[][] Columns =
    [
        ["step", "global_step", "iteration"],
        ["train_loss", "training_loss", "loss/train", "train/loss"],
        ["test_loss", "val_loss", "validation_loss", "eval_loss", "loss/test", "test/loss", "val/loss", "eval/loss"],
        ["accuracy", "test_accuracy", "val_accuracy", "test_acc", "val_acc"],
        ["grad_norm", "gradient_norm", "train/grad_norm"],
        ["update_ratio", "update_weight_ratio"],
        ["learning_rate", "lr", "train/learning_rate"],
        ["dead_units", "dead_unit_share"],
    ];

    /// <exception cref="CurveFileException">Names every problem, the first 20 at most.</exception>
    public static TrainingCurves Read(TextReader reader)
    {
        var problems = new List<CurveFileProblem>();
        var line = 1;
        var header = reader.ReadLine();
        while (header is not null && header.Trim().Length == 0) (header, line) = (reader.ReadLine(), line + 1);
        if (header is null) throw new CurveFileException([new CurveFileProblem(1, 1, "the file is empty. It must have a header (step,train_loss,test_loss) and a line for each evaluation.")]);
        header = header.TrimStart('\uFEFF');
        var separator = header.Contains(',') ? ',' : header.Contains(';') ? ';' : header.Contains('\t') ? '\t' : ',';
        var column = ReadHeader(header, line, separator, problems, out var cells);
        if (problems.Count > 0) throw new CurveFileException(problems);

        var steps = new List<long>[Columns.Length];
        var values = new List<double>[Columns.Length];
        for (var c = 0; c < Columns.Length; c++) (steps[c], values[c]) = ([], []);
        var last = long.MinValue;
        var any = false;
        while (reader.ReadLine() is { } text && problems.Count < MostProblems)
        {
            line++;
            if (text.Trim().Length == 0) continue;
            any = true;
            var row = Split(text, separator, line, problems);
            if (row is null) continue;
            if (row.Count != cells)
            {
                problems.Add(new CurveFileProblem(line, 1, $"{row.Count} cells. The header has {cells}: write an empty cell where a value is missing."));
                continue;
            }
            if (ReadStep(row[column[0]], line, last, problems) is not { } step) continue;
            last = step;
            for (var c = 1; c < Columns.Length; c++)
                if (column[c] >= 0 && ReadValue(row[column[c]], line, Columns[c][0], problems) is { } value)
                {
                    steps[c].Add(step);
                    values[c].Add(value);
                }
        }
        if (!any) problems.Add(new CurveFileProblem(line, 1, "no line follows the header. Write a line for each evaluation."));
        if (problems.Count > 0) throw new CurveFileException(problems);
        Curve Of(int c) => new(steps[c].ToArray(), values[c].ToArray());
        return new TrainingCurves { TrainLoss = Of(1), TestLoss = Of(2), Accuracy = Of(3), GradientNorm = Of(4), UpdateRatio = Of(5), LearningRate = Of(6), DeadUnitShare = Of(7) };
    }

    private static int[] ReadHeader(string header, int line, char separator, List<CurveFileProblem> problems, out int cells)
    {
        var column = new int[Columns.Length];
        Array.Fill(column, -1);
        var names = Split(header, separator, line, problems) ?? [];
        cells = names.Count;
        for (var i = 0; i < names.Count; i++)
        {
            var known = Array.FindIndex(Columns, aliases => aliases.Contains(Plain(names[i].Text)));
            if (known < 0) continue;
            if (column[known] < 0) column[known] = i;
            else problems.Add(new CurveFileProblem(line, names[i].Column, $"column \"{names[i].Text}\" gives {Columns[known][0]} a second time. Leave one of them out."));
        }
        string[] missing = [.. Enumerable.Range(0, 3).Where(c => column[c] < 0).Select(c => Columns[c][0])];
        if (problems.Count == 0 && missing.Length > 0)
            problems.Add(new CurveFileProblem(line, 1, $"the header lacks {string.Join(" and ", missing)}; it has {string.Join(", ", names.Select(n => $"\"{n.Text}\""))}. Its first line must name step, train_loss and test_loss, in any order."));
        return column;
    }

    /// <summary>trainLoss, Train Loss and train_loss are one name.</summary>
    private static string Plain(string name)
    {
        var plain = new System.Text.StringBuilder(name.Length + 2);
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsUpper(name[i]) && i > 0 && char.IsLower(name[i - 1])) plain.Append('_');
            plain.Append(name[i] is ' ' or '-' ? '_' : char.ToLowerInvariant(name[i]));
        }
        return plain.ToString();
    }

    private static long? ReadStep((string Text, int Column) cell, int line, long last, List<CurveFileProblem> problems)
    {
        if (!double.TryParse(cell.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || number != Math.Floor(number) || Math.Abs(number) > 1L << 53)
            problems.Add(new CurveFileProblem(line, cell.Column, $"step is \"{cell.Text}\". It must be a whole number."));
        else if ((long)number < last)
            problems.Add(new CurveFileProblem(line, cell.Column, $"step is {cell.Text} after {last}. Steps must not fall: sort the lines, or cut what a restarted run repeats."));
        else return (long)number;
        return null;
    }

    private static double? ReadValue((string Text, int Column) cell, int line, string column, List<CurveFileProblem> problems)
    {
        if (cell.Text.Length == 0) return null;
        switch (cell.Text.ToLowerInvariant())
        {
            case "nan" or "-nan": return double.NaN;
            case "inf" or "+inf" or "infinity" or "+infinity": return double.PositiveInfinity;
            case "-inf" or "-infinity": return double.NegativeInfinity;
        }
        if (double.TryParse(cell.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)) return value;
        problems.Add(new CurveFileProblem(line, cell.Column, $"{column} is \"{cell.Text}\". It must be a number such as 0.25 or 1e-3, nan, inf, or empty where it is missing."));
        return null;
    }

    /// <summary>Cells with the column at which each begins; quoted cells as in RFC 4180, within a line.</summary>
    private static List<(string Text, int Column)>? Split(string text, char separator, int line, List<CurveFileProblem> problems)
    {
        var cells = new List<(string, int)>();
        for (var at = 0; ;)
        {
            var start = at;
            while (at < text.Length && text[at] == ' ') at++;
            if (at < text.Length && text[at] == '"')
            {
                var cell = new System.Text.StringBuilder();
                var open = at++;
                while (true)
                {
                    if (at >= text.Length)
                    {
                        problems.Add(new CurveFileProblem(line, open + 1, "a quoted cell does not end. Close it with \" on the same line."));
                        return null;
                    }
                    if (text[at] != '"') cell.Append(text[at++]);
                    else if (at + 1 < text.Length && text[at + 1] == '"') (at, _) = (at + 2, cell.Append('"'));
                    else break;
                }
                var rest = text.IndexOf(separator, ++at) is var next && next < 0 ? text.Length : next;
                if (text.AsSpan(at, rest - at).Trim().Length > 0)
                {
                    problems.Add(new CurveFileProblem(line, at + 1, "text follows a quoted cell. A cell ends at its closing \"."));
                    return null;
                }
                cells.Add((cell.ToString().Trim(), open + 1));
                at = rest;
            }
            else
            {
                at = text.IndexOf(separator, start) is var end && end < 0 ? text.Length : end;
                var raw = text[start..at];
                cells.Add((raw.Trim(), start + 1 + (raw.Length - raw.TrimStart().Length)));
            }
            if (at >= text.Length) return cells;
            at++;
            if (at == text.Length)
            {
                cells.Add(("", at + 1));
                return cells;
            }
        }
    }
}
