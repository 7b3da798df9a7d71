using DistTrain.Learning;
using DistTrain.Tests.House;

namespace DistTrain.Tests.Learning;

public sealed class CataloguePageTests
{
    [Fact]
    public void The_page_in_docs_is_up_to_date()
    {
        var path = Path.Combine(Repository.Root, "docs", "catalogue.md");
        Assert.True(File.Exists(path) && File.ReadAllText(path) == CataloguePage.Text(),
            "docs/catalogue.md is not what the catalogue gives. Refresh it: dotnet run --project client/Cli -- init --catalogue > docs/catalogue.md");
    }

    [Fact]
    public void Every_component_and_option_is_on_it_with_its_default()
    {
        var page = CataloguePage.Text();
        foreach (var component in Catalog.BuiltIn.Kinds.SelectMany(Catalog.BuiltIn.All))
        {
            Assert.Contains($"\n### {component.Name}\n", page, StringComparison.Ordinal);
            Assert.All(component.Options, option => Assert.Contains($"| `{option.Name}` |", page, StringComparison.Ordinal));
        }
        Assert.Contains("| `beta1` | `0.9` | number, at least 0 and below 1 | Decay of the first moment. |", page, StringComparison.Ordinal);
        Assert.DoesNotContain(" | `System.", page, StringComparison.Ordinal);
    }
}
