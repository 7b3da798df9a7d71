namespace DistTrain.Learning;

/// <summary>A network that is known by name. One file a model, found by [Named].</summary>
public abstract class Model
{
    /// <param name="input">One sample's input.</param>
    /// <param name="outputs">Classes, or elements of a real target.</param>
    public abstract Layer Build(Shape input, int outputs);
}
