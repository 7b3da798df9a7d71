using DistTrain.Learning;
using DistTrain.Training.Specs;

namespace DistTrain.Cli;

/// <summary>A picture as the network takes it: channels, size, augmentations of a test set, transforms and standardization are the job's.</summary>
internal static class PredictImage
{
    public static float[] Values(Picture picture, string name, PlannedJob plan)
    {
        var job = plan.Raw.InputShape;
        if (job.Rank != 3 || job[0] is not (1 or 3))
        {
            // Pixels of a table: as many numbers as a sample has.
            if (picture.Width * picture.Height != job.Length) throw new CommandException(ExitCode.Usage, $"{name} is a picture of {picture.Height} x {picture.Width} pixels, and the job's samples are {job}, no images of 1 or 3 channels. Give a file of {job.Length} numbers.");
            return PredictInput.Read(plan.AsTest(new PredictInput.OneSample(Shares(picture.Planes(1)), job)));
        }
        var size = plan.ImageSize ?? new Pair(picture.Height, picture.Width);
        var (planes, shape) = (picture.Planes(job[0], size), new Shape(job[0], size.Y, size.X));
        try
        {
            // Bytes where the job's set has bytes, so that the same picture gives the same bits as there.
            return PredictInput.Read(plan.AsTest(plan.Raw is ByteImages ? new ByteImages(shape, planes, [0], 1, new DatasetIdentity(name, planes.Length, "")) : new PredictInput.OneSample(Shares(planes), shape)));
        }
        catch (ShapeException)
        {
            throw new CommandException(ExitCode.Usage, $"{name} is {picture.Height} x {picture.Width} pixels. The job's images are {job[1]} x {job[2]}, and it does not say how others come to that size: resize the picture, or train with an option size of its format or the augmentation resize.");
        }
    }

    private static float[] Shares(byte[] planes) => Array.ConvertAll(planes, b => b / 255f);
}
