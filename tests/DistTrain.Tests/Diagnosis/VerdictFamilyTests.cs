using DistTrain.Diagnosis;

namespace DistTrain.Tests.Diagnosis;

/// <summary>Every verdict on runs whose verdict is known, over seeds, noise, lengths and scales.</summary>
public sealed class VerdictFamilyTests
{
    public static TheoryData<string> Families() => new(CurveFamilies.All.Keys);

    [Theory, MemberData(nameof(Families))]
    public void A_hundred_evaluations_are_read_rightly_in_95_of_100_runs_up_to_5_percent_noise(string family)
    {
        foreach (var noise in (double[])[0, 0.01, 0.05])
        {
            var (right, wrong) = Count(family, noise, evaluations: 100, seeds: 40);
            Assert.True(right >= 38, $"{family}, noise {noise}: {right} of 40 right; wrong: {string.Join(", ", wrong)}");
        }
    }

    [Theory, InlineData(20, 0.0, 0.97), InlineData(20, 0.05, 0.90), InlineData(40, 0.0, 0.97), InlineData(40, 0.05, 0.93), InlineData(100, 0.10, 0.95), InlineData(400, 0.10, 0.95), InlineData(400, 0.30, 0.75)]
    public void Over_all_families_the_share_of_right_verdicts_is(int evaluations, double noise, double share)
    {
        var (right, all) = (0, 0);
        var worst = new List<string>();
        foreach (var family in CurveFamilies.All.Keys)
        {
            var (ok, wrong) = Count(family, noise, evaluations, seeds: 10);
            (right, all) = (right + ok, all + 10);
            if (ok < 8) worst.Add($"{family} {ok} of 10 ({string.Join(", ", wrong)})");
        }
        Assert.True(right >= share * all, $"{right} of {all} right; {string.Join("; ", worst)}");
    }

    [Theory, InlineData(0.05), InlineData(0.30)]
    public void Noise_alone_is_rarely_taken_for_a_trend(double noise)
    {
        var moves = 0;
        for (var seed = 0; seed < 200; seed++)
        {
            var reading = new Reading(CurveFamilies.All["bottleneck: never moved"].Make(new CurveFamilies.Draw(seed, noise, 60)));
            moves += (reading.Train!.Trend.Direction is Direction.Flat ? 0 : 1) + (reading.Test!.Trend.Direction is Direction.Flat ? 0 : 1);
        }
        Assert.True(moves <= 16, $"{moves} of 400 flat series read as moving");
    }

    [Theory, MemberData(nameof(Families))]
    public void The_verdict_does_not_depend_on_the_unit_of_the_loss(string family)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            var at1 = LossDiagnosis.Of(CurveFamilies.All[family].Make(new CurveFamilies.Draw(seed, 0.05, 60)));
            // Powers of two: the losses are the same but for the exponent.
            foreach (var scale in (double[])[Math.Pow(2, -20), Math.Pow(2, 20)])
            {
                var scaled = LossDiagnosis.Of(CurveFamilies.All[family].Make(new CurveFamilies.Draw(seed, 0.05, 60, scale)));
                Assert.Equal((at1.Name, at1.Confidence, at1.Window), (scaled.Name, scaled.Confidence, scaled.Window));
            }
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void A_verdict_has_a_sentence_evidence_advice_a_window_and_a_confidence(string family)
    {
        var verdict = LossDiagnosis.Of(CurveFamilies.All[family].Make(new CurveFamilies.Draw(1, 0.02, 100)));
        Assert.EndsWith(".", verdict.Sentence, StringComparison.Ordinal);
        Assert.NotEmpty(verdict.Evidence);
        Assert.All(verdict.Evidence, e => Assert.Matches("[0-9]|no ", e.Text));
        Assert.NotEmpty(verdict.Advice);
        Assert.InRange(verdict.Confidence, double.Epsilon, 1);
        Assert.True(verdict.Window.FromStep <= verdict.Window.ToStep);
        Assert.Equal(verdict.ChecksRan.Count + verdict.ChecksSkipped.Count, verdict.ChecksRan.Concat(verdict.ChecksSkipped.Select(check => check.Name)).Distinct().Count());
        Assert.Contains(verdict.Name, verdict.ChecksRan);
        Assert.All(verdict.ChecksSkipped, s => Assert.NotEmpty(s.Reason));
    }

    [Fact]
    public void Confidence_falls_as_noise_grows()
    {
        double Mean(double noise) => Enumerable.Range(0, 20).Average(seed => LossDiagnosis.Of(CurveFamilies.All["learning: exponential"].Make(new CurveFamilies.Draw(seed, noise, 100))) is var v && v.Name == "learning" ? v.Confidence : 0);
        Assert.True(Mean(0) > 0.95);
        Assert.True(Mean(0.01) > Mean(0.1));
        Assert.True(Mean(0.1) > Mean(0.3));
    }

    private static (int Right, IReadOnlyList<string> Wrong) Count(string family, double noise, int evaluations, int seeds)
    {
        var (verdict, make) = CurveFamilies.All[family];
        var wrong = new List<string>();
        for (var seed = 0; seed < seeds; seed++)
        {
            var scale = (seed % 3) switch { 0 => 1.0, 1 => 1e-4, _ => 1e4 };
            var name = LossDiagnosis.Of(make(new CurveFamilies.Draw(seed * 7919 + evaluations, noise, evaluations, scale))).Name;
            if (name != verdict) wrong.Add(name);
        }
        return (seeds - wrong.Count, wrong);
    }
}
