using DistTrain.Learning;
using static DistTrain.Tests.Learning.Data.DataFiles;

namespace DistTrain.Tests.Learning.Data;

public sealed class CsvTests : IDisposable
{
    private readonly DataFiles _files = new();
    private readonly Csv _csv = new(new());

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Named_classes_are_numbered_in_ordinal_order()
    {
        var path = _files.Write("flowers.csv", "length, width, kind\r\n5.1,3.5,setosa\r\n\r\n6.3, 3.3 ,\"virginica, rare\"\r\n+4.9e0,-.5,\"a \"\"b\"\"\"\r\n1,2,setosa");
        var (train, test) = _csv.Open(path, 1);
        Assert.Equal((3, 1, 3, TargetKind.Labels), (train.Count, test.Count, train.Classes, train.TargetKind));
        Assert.Equal(["a \"b\"", "setosa", "virginica, rare"], ((NumericTable)train).ClassNames);
        Assert.Equal(new Shape(2), train.InputShape);
        Assert.Equal(new Shape(), train.TargetShape);
        var rows = new[] { Sample(train, 0), Sample(train, 1), Sample(train, 2), Sample(test, 0) }.Select(s => $"{s.Input[0]} {s.Input[1]} {s.Target[0]}").Order();
        Assert.Equal(["1 2 1", "4.9 -0.5 0", "5.1 3.5 1", "6.3 3.3 2"], rows);
        Assert.Equal("csv train: 3 rows of flowers.csv", train.Identity.Description);
        Assert.Equal(new FileInfo(path).Length, train.Identity.Bytes);
    }

    [Fact]
    public void Numbered_classes_without_header_and_a_second_file()
    {
        var path = _files.Write("train.csv", "0;1.5;2\n2;2.5;3\n");
        _files.Write("test.csv.gz", Gzip("1;9;8\n"u8.ToArray()));
        var (train, test) = new Csv(new(Target: "1", Delimiter: ";", Test: "test.csv.gz")).Open(path, 1);
        Assert.Equal((2, 1, 3), (train.Count, test.Count, test.Classes));
        Assert.Equal([2.5f, 3f], Sample(train, 1).Input);
        Assert.Equal([2], Sample(train, 1).Target);
        Assert.Equal([9f, 8f], Sample(test, 0).Input);
        Assert.Equal([1], Sample(test, 0).Target);
        Assert.Equal("csv test: 1 rows of test.csv.gz", test.Identity.Description);
        Assert.NotEqual(train.Identity.Sha256, test.Identity.Sha256);
    }

    [Fact]
    public void Real_targets_are_read_as_float32_bits()
    {
        var path = _files.Write("house.csv", "price,rooms\n1e3,2\n2.5,3\n");
        var (train, test) = new Csv(new(Target: "price", Targets: TargetKind.Values, TestFraction: 0.5)).Open(path, 1);
        Assert.Equal((TargetKind.Values, 0, new Shape(1)), (train.TargetKind, train.Classes, train.TargetShape));
        var prices = new[] { train, test }.Select(set => BitConverter.Int32BitsToSingle(Sample(set, 0).Target[0])).Order();
        Assert.Equal([2.5f, 1000f], prices);
    }

    [Fact]
    public void Several_target_columns_make_one_target_in_the_order_they_are_named()
    {
        var path = _files.Write("boxes.csv", "pc,ink,x,y,pixels\n1,7,0.25,0.5,8\n0,9,-1,-2,6\n");
        var (train, test) = new Csv(new(Targets: TargetKind.Values, TestFraction: 0.5) { TargetColumns = ["y", "pc", "3", "5"], TargetShape = [2, 2] }).Open(path, 1);
        Assert.Equal((TargetKind.Values, 0, new Shape(2, 2), new Shape(1)), (train.TargetKind, train.Classes, train.TargetShape, train.InputShape));
        var rows = new[] { train, test }.Select(set => Sample(set, 0)).OrderBy(s => s.Input[0]).ToList();
        Assert.Equal([7f, 9f], rows.Select(r => r.Input[0]));
        Assert.Equal([0.5f, 1f, 0.25f, 8f, -2f, 0f, -1f, 6f], rows.SelectMany(r => r.Target.Select(BitConverter.Int32BitsToSingle)));
        Assert.Equal(new Shape(2), new Csv(new(Targets: TargetKind.Values) { TargetColumns = ["x", "y"] }).Open(path, 1).Train.TargetShape);
        Csv Of(params string[] columns) => new(new(Targets: TargetKind.Values) { TargetColumns = columns });
        Assert.Equal($"{path}: the option targetColumns of csv has \"z\". It must be one of pc, ink, x, y, pixels, or a number from 1 to 5.", Refusal(Of("x", "z"), path));
        Assert.Equal($"{path}: the option targetColumns of csv names column 3 (x) twice. Name each once.", Refusal(Of("x", "3"), path));
        Assert.Equal($"{path}: the option targetColumns of csv names all 5 columns. At least one must be left as a feature.", Refusal(Of("1", "2", "3", "4", "5"), path));
        path = _files.Write("bad.csv", "a,b,c\n1,2,3\n1,x,\n");
        Assert.Equal($"{path} line 3, column 3 (c): the target is empty. It must be given in every row.", Refusal(Of("b", "c"), path));
        path = _files.Write("text.csv", "a,b,c\n1,2,3\n1,x,4\n");
        Assert.Equal($"{path} line 3, column 2 (b): is \"x\". It must be a number, with a point for decimals; text columns cannot be features.", Refusal(Of("b", "c"), path));
    }

    [Fact]
    public void The_drawn_test_rows_follow_from_the_seed_alone_and_are_a_partition()
    {
        var path = _files.Write("rows.csv", string.Concat(Enumerable.Range(0, 100).Select(i => $"{i},0\n")));
        static IEnumerable<float> Rows(Dataset set) => Enumerable.Range(0, set.Count).Select(i => Sample(set, i).Input[0]);
        var (train, test) = _csv.Open(path, 7);
        Assert.Equal((80, 20), (train.Count, test.Count));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (float)i), Rows(train).Concat(Rows(test)).Order());
        Assert.Equal(Rows(test), Rows(_csv.Open(path, 7).Test));
        Assert.NotEqual(Rows(test), Rows(_csv.Open(path, 8).Test));
        Assert.Equal(Rows(test), Rows(new Csv(new(Seed: 7)).Open(path, 8).Test));
    }

    [Fact]
    public void All_bad_fields_are_reported_with_line_and_column()
    {
        var path = _files.Write("bad.csv", "length,width,kind\n1,2,a\n1,2\n\"3\nlines\",x,b\nNaN,,c\n1e99,Infinity,\n1,2,a,b\n");
        Assert.Equal(string.Join(Environment.NewLine,
            $"{path} line 3 has 2 columns. It must have 3, like the first row: fill in or remove it.",
            $"{path} line 4, column 1 (length): is \"3\nlines\". It must be a number, with a point for decimals; text columns cannot be features.",
            $"{path} line 4, column 2 (width): is \"x\". It must be a number, with a point for decimals; text columns cannot be features.",
            $"{path} line 6, column 1 (length): is \"NaN\". It must be a finite number: fill it in or remove the row.",
            $"{path} line 6, column 2 (width): it is empty. It must be a number: fill it in or remove the row.",
            $"{path} line 7, column 1 (length): is \"1e99\", beyond what float32 can hold (3.4e38). It must be a finite number: scale the column.",
            $"{path} line 7, column 2 (width): is \"Infinity\", beyond what float32 can hold (3.4e38). It must be a finite number: scale the column.",
            $"{path} line 7, column 3 (kind): the target is empty. It must be given in every row.",
            $"{path} line 8 has 4 columns. It must have 3, like the first row: fill in or remove it."), Refusal(_csv, path));
    }

    [Fact]
    public void Many_bad_fields_are_cut_off()
    {
        var path = _files.Write("bad.csv", string.Concat(Enumerable.Repeat("x,1\n", 1000)));
        var message = Refusal(new Csv(new(Header: CsvHeader.Absent)), path);
        Assert.Equal(21, message.Split(Environment.NewLine).Length);
        Assert.EndsWith($"{path}: further problems are not listed.", message);
    }

    [Theory]
    [InlineData("", " is empty. Fetch or write it again.")]
    [InlineData("\n\n", " has no rows. It must have at least one with features and a target.")]
    [InlineData("a,b\n", " has a header and no rows. It must have at least one row with features and a target.")]
    [InlineData("1,0\n", " has 1 row. It must have at least 2, one to train on and one to test; or set the option test of csv to a second file.")]
    [InlineData("1;0\n", " line 1 has 1 column. Rows must have at least one feature and a target: check the delimiter, which is set to \",\".")]
    [InlineData("1,0\n2,\"x\n3,0\n", " line 2, column 2: a quote is opened and never closed. Close it, or write the file again without it.")]
    [InlineData("1,0\n\"2\"3,0\n", " line 2, column 1: text stands after a closing quote. A quote inside a quoted field is written twice.")]
    [InlineData("1,0\n2,99999999\n", " has label 99999999 in column 2. Labels must be 0 to 65535: number the classes from 0, or set the option targets of csv to values.")]
    public void A_bad_file_is_refused(string text, string problem)
    {
        var path = _files.Write("bad.csv", text);
        Assert.Equal(path + problem, Refusal(_csv, path));
    }

    [Fact]
    public void Bad_options_and_paths_are_refused()
    {
        var path = _files.Write("a.csv", "x,y,y\n1,0,1\n");
        Assert.Equal($"{path}: the option target of csv is \"z\". It must be one of x, y, y, or a number from 1 to 3.", Refusal(new Csv(new("z")), path));
        Assert.Equal($"{path}: columns 2 and 3 are both called \"y\". Set the option target of csv to the number of one.", Refusal(new Csv(new("y")), path));
        var bare = _files.Write("bare.csv", "1,2\n");
        Assert.Equal($"{bare}: the option target of csv is \"3\". It must be a number from 1 to 2, as the file has no header.", Refusal(new Csv(new("3")), bare));
        Assert.Equal($"the option test of csv is none.csv, which does not exist (looked for {_files["none.csv"]}). It must be the file with the test rows; leave it empty to draw them from the first file.", Refusal(new Csv(new(Test: "none.csv")), path));
        _files.Write("other.csv", "x,z,y\n1,0,1\n");
        Assert.Equal($"{path} has columns x, y, y, {_files["other.csv"]} has x, z, y. They must be the same, in the same order.", Refusal(new Csv(new(Test: "other.csv")), path));
        Assert.Equal("data.path is empty. It must be the file with the training rows, of format \"csv\".", Refusal(_csv, ""));
        Assert.Equal($"data.path is {_files.Folder}, a folder. It must be the file with the training rows, of format \"csv\".", Refusal(_csv, _files.Folder));
        Assert.Equal($"data.path is {_files["none"]}, which does not exist (looked for {_files["none"]}). It must be the file with the training rows, of format \"csv\".", Refusal(_csv, _files["none"]));
        Assert.Equal("is \";;\". It must be one character, neither a quote nor a line end: \",\", \";\" or \"\\t\".", Assert.Single(new Csv.Options(Delimiter: ";;").Validate(new(new object()))).ErrorMessage);
    }

    [Fact]
    public void Labels_that_only_the_test_file_has_are_refused()
    {
        var path = _files.Write("a.csv", "1,cat\n2,dog\n");
        _files.Write("b.csv", "1,cat\n2,cow\n");
        Assert.Equal($"{_files["b.csv"]} line 2, column 2: is \"cow\". It must be one of cat, dog, like the training set's.", Refusal(new Csv(new(Test: "b.csv")), path));
        path = _files.Write("c.csv", "1,0\n2,1\n");
        _files.Write("d.csv", "1,2\n2,x\n");
        Assert.Equal($"{_files["d.csv"]} line 1, column 2: is \"2\". It must be a whole number from 0 to 1, like the training set's.{Environment.NewLine}"
            + $"{_files["d.csv"]} line 2, column 2: is \"x\". It must be a whole number from 0 to 1, like the training set's.", Refusal(new Csv(new(Test: "d.csv")), path));
    }

    [Fact]
    public void Text_that_is_not_utf8_is_refused()
    {
        var path = _files.Write("a.csv", [(byte)'1', (byte)',', 0xFF, (byte)'\n']);
        Assert.Equal($"{path} is not UTF-8 text. Write it again in UTF-8.", Refusal(_csv, path));
    }
}
