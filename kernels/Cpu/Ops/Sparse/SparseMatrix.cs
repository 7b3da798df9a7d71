namespace DistTrain.Kernels;

/// <summary>A fixed sparse matrix by rows: what upsampling, shuffles, reversals and adaptive pooling do to every sample. Immutable; its arrays never move.</summary>
public sealed class SparseMatrix
{
    private readonly int[] _starts;
    private readonly int[] _columns;
    private readonly float[] _values;
    private SparseMatrix? _transposed;

    /// <param name="rows">Elements of a sample that the product writes.</param>
    /// <param name="columns">Elements of a sample that it reads.</param>
    /// <param name="entries">In order of rows; within a row in the order in which they add.</param>
    public SparseMatrix(int rows, int columns, IReadOnlyList<(int Row, int Column, float Value)> entries)
    {
        (Rows, Columns) = (rows, columns);
        _starts = GC.AllocateArray<int>(rows + 1, pinned: true);
        _columns = GC.AllocateArray<int>(entries.Count, pinned: true);
        _values = GC.AllocateArray<float>(entries.Count, pinned: true);
        var last = 0;
        for (var i = 0; i < entries.Count; i++)
        {
            var (row, column, value) = entries[i];
            if (row < last || row >= rows || (uint)column >= (uint)columns)
                throw new ArgumentException($"entry {i} is at [{row}, {column}]. Rows must ascend and stay below {rows}, columns below {columns}.", nameof(entries));
            (last, _starts[row + 1], _columns[i], _values[i]) = (row, _starts[row + 1] + 1, column, value);
        }
        for (var row = 0; row < rows; row++) _starts[row + 1] += _starts[row];
        Runs = FindRuns();
    }

    /// <summary>Row i takes element <paramref name="sources"/>[i].</summary>
    public static SparseMatrix Selection(int columns, IEnumerable<int> sources)
    {
        var entries = sources.Select((column, row) => (row, column, 1f)).ToList();
        return new SparseMatrix(entries.Count, columns, entries);
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Entries of row i are [Starts[i], Starts[i + 1]).</summary>
    public ReadOnlySpan<int> Starts => _starts;

    public ReadOnlySpan<int> ColumnOf => _columns;

    public ReadOnlySpan<float> Values => _values;

    /// <summary>For a selection (one entry of 1 in each row): stretches of consecutive rows with consecutive columns; otherwise none.</summary>
    internal IReadOnlyList<(int Row, int Column, int Length)> Runs { get; }

    /// <summary>Columns of each row stay in the order of the rows they come from.</summary>
    public SparseMatrix Transposed => _transposed ??= Transpose();

    private SparseMatrix Transpose()
    {
        var entries = new List<(int Row, int Column, float Value)>(_columns.Length);
        for (var row = 0; row < Rows; row++)
            for (var i = _starts[row]; i < _starts[row + 1]; i++) entries.Add((_columns[i], row, _values[i]));
        return new SparseMatrix(Columns, Rows, [.. entries.OrderBy(e => e.Row)]); // a stable sort
    }

    private List<(int, int, int)> FindRuns()
    {
        var runs = new List<(int Row, int Column, int Length)>();
        for (var row = 0; row < Rows; row++)
        {
            if (_starts[row + 1] - _starts[row] != 1 || _values[_starts[row]] != 1f) return [];
            var column = _columns[_starts[row]];
            if (runs.Count > 0 && runs[^1].Column + runs[^1].Length == column) runs[^1] = (runs[^1].Row, runs[^1].Column, runs[^1].Length + 1);
            else runs.Add((row, column, 1));
        }
        return runs;
    }
}
