using System.Text;

namespace DistTrain.Learning;

/// <summary>
/// Rows of a delimited text, RFC 4180: fields may stand in double quotes, "" within them is one quote, quoted fields may hold delimiters and line ends;
/// lines end in LF or CR LF; blank lines are passed over; blanks around unquoted fields are dropped.
/// </summary>
internal sealed class CsvReader(TextReader text, char delimiter, string path)
{
    private readonly StringBuilder _field = new();
    private readonly List<string> _fields = [];
    private int _nextLine = 1;

    /// <summary>Line on which the last row began, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>The next row's fields; null at the end. The list is reused.</summary>
    public IReadOnlyList<string>? Next()
    {
        do
        {
            if (text.Peek() < 0) return null;
            Line = _nextLine;
            _fields.Clear();
            while (Field())
            {
            }
        }
        while (_fields is [""]);
        return _fields;
    }

    // Returns whether another field follows on the row.
    private bool Field()
    {
        _field.Clear();
        SkipBlanks();
        var quoted = text.Peek() == '"';
        if (quoted) Quoted();
        while (true)
        {
            var next = text.Read();
            if (next == '\r' && text.Peek() == '\n') continue;
            if (next == '\n') _nextLine++;
            if (next < 0 || next == '\n' || next == delimiter)
            {
                _fields.Add(quoted ? _field.ToString() : _field.ToString().Trim());
                return next == delimiter;
            }
            if (quoted && !char.IsWhiteSpace((char)next))
                throw new DatasetException($"{path} line {_nextLine}, column {_fields.Count + 1}: text stands after a closing quote. A quote inside a quoted field is written twice.");
            if (!quoted) _field.Append((char)next);
        }
    }

    private void Quoted()
    {
        var opened = _nextLine;
        text.Read();
        while (true)
        {
            var next = text.Read();
            if (next < 0) throw new DatasetException($"{path} line {opened}, column {_fields.Count + 1}: a quote is opened and never closed. Close it, or write the file again without it.");
            if (next == '\n') _nextLine++;
            if (next == '"')
            {
                if (text.Peek() != '"') return;
                text.Read();
            }
            _field.Append((char)next);
        }
    }

    private void SkipBlanks()
    {
        while (text.Peek() is ' ' or '\t' && text.Peek() != delimiter) text.Read();
    }
}
