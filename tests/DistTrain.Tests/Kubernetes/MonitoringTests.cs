using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DistTrain.Training;

namespace DistTrain.Tests.Kubernetes;

/// <summary>The Grafana dashboard shows what the meter tells, all of it, under the names that Prometheus gives.</summary>
public sealed partial class MonitoringTests
{
    private static readonly JsonNode Dashboard = JsonNode.Parse(File.ReadAllText(Path.Combine(Overlays.Folder, "monitoring", "dashboard.json")))!;

    [Fact]
    public void Every_metric_on_the_dashboard_is_told_and_every_metric_that_is_told_is_on_it()
    {
        using var meter = new TrainingMeter();
        var told = meter.Instruments.Select(InPrometheus).Order(StringComparer.Ordinal);
        var shown = Expressions().SelectMany(e => Metric().Matches(e)).Select(m => HistogramPart().Replace(m.Value, "")).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(told, shown);
    }

    [Fact]
    public void Every_panel_has_a_name_a_sentence_and_a_place_of_its_own()
    {
        var panels = Dashboard["panels"]!.AsArray();
        Assert.True(panels.Count >= 10);
        Assert.All(panels, p => Assert.True(((string)p!["title"]!).Length > 0 && ((string)p["description"]!).EndsWith('.')));
        Assert.Equal(panels.Count, panels.Select(p => (int)p!["id"]!).Distinct().Count());
        var cells = panels.SelectMany(p => from x in Enumerable.Range((int)p!["gridPos"]!["x"]!, (int)p["gridPos"]!["w"]!) from y in Enumerable.Range((int)p["gridPos"]!["y"]!, (int)p["gridPos"]!["h"]!) select (x, y)).ToList();
        Assert.Equal(cells.Count, cells.Distinct().Count());
        Assert.All(cells, c => Assert.InRange(c.x, 0, 23));
    }

    private static IEnumerable<string> Expressions() => Dashboard["panels"]!.AsArray().SelectMany(p => p!["targets"]!.AsArray()).Select(t => (string)t!["expr"]!);

    // OpenTelemetry's rules for Prometheus: dots become underscores, the unit is added where the name does not end with it, counters end in _total.
    private static string InPrometheus(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_');
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        return instrument.GetType().Name.StartsWith("Counter", StringComparison.Ordinal) ? name + "_total" : name;
    }

    [GeneratedRegex("disttrain_[a-z_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex HistogramPart();
}
