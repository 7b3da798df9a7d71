using DistTrain.Learning;

namespace DistTrain.Training.Specs;

/// <summary>A job's data from the samples as read to those that a network is given: augmentations, transforms, standardization, lanes, reading ahead.</summary>
/// <param name="Split">What training and evaluation read.</param>
/// <param name="Statistics">What it is standardized by; null where it is not.</param>
/// <param name="AsTest">Raw samples as a test set's are read: augmented without draws, transformed, standardized. <see cref="ShapeException"/>: they are of a shape that the job's are not.</param>
internal sealed record JobData(DataSplit Split, ChannelStatistics? Statistics, Func<Dataset, Dataset> AsTest)
{
    /// <summary>What cannot be made is a problem; the data is then as far as it came.</summary>
    public static JobData Prepare(JobFile file, SpecComponents components, DataSplit raw, List<SpecProblem> problems)
    {
        var spec = file.Spec;
        var (split, fitted, fits) = (raw, raw.Train, new List<FittedTransform>());
        var size = raw.Train.InputShape;
        Try("spec.data.augment", () =>
        {
            if (components.Augmentations.Count == 0) return;
            split = Augmented.Apply(raw, components.Augmentations, spec.Training.Seed);
            size = split.Test.InputShape;
            // Statistics are of the training set without draws, in the size that they make.
            if (split.Train.InputShape != raw.Train.InputShape) fitted = new Augmented(raw.Train, components.Augmentations, null);
        });
        Try("spec.data.transform", () =>
        {
            foreach (var transform in components.Transforms)
            {
                if (fitted.Vocabulary > 0) throw new DatasetException("is set, and the samples are tokens of a text. Transforms take numbers; remove it.");
                var fit = transform.Fit(fitted);
                fits.Add(fit);
                (split, fitted) = (new DataSplit(fit.Of(split.Train), fit.Of(split.Test)), fit.Of(fitted));
            }
        });
        var statistics = spec.Data.Standardize && fitted.Vocabulary == 0 ? ChannelStatistics.Of(fitted) : null;
        if (statistics is not null) split = new DataSplit(Standardized.By(split.Train, statistics), Standardized.By(split.Test, statistics));
        Try("spec.training.batchSize", () => split = split with { Train = split.Train.ForBatches(spec.Training.BatchSize) });
        if (split.Train.Vocabulary == 0 && (spec.Data.Prefetch == "on" || spec.Data.Prefetch == "auto" && split.Train.IsCostly)) split = split with { Train = new ReadAhead(split.Train) };
        return new JobData(split, statistics, AsTest);

        Dataset AsTest(Dataset samples)
        {
            if (components.Augmentations.Count > 0) samples = new Augmented(samples, components.Augmentations, null);
            if (samples.InputShape != size) throw new ShapeException($"the samples are {samples.InputShape}; the job's are {size}.");
            foreach (var fit in fits) samples = fit.Of(samples);
            return statistics is null ? samples : Standardized.By(samples, statistics);
        }

        void Try(string path, Action act)
        {
            try
            {
                act();
            }
            catch (Exception wrong) when (wrong is DatasetException or ShapeException)
            {
                problems.Add(file.Remark(path, wrong.Message));
            }
        }
    }
}
