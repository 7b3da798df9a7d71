using System.ComponentModel;

namespace DistTrain.Contracts;

/// <summary>Weights of another model to begin with: fine-tuning.</summary>
public sealed record InitSpec
{
    [SpecField("from", Example = "weights/resnet18.safetensors"), Description("A safetensors file with PyTorch's names and layouts, resolved on the workers; empty: weights are drawn.")]
    public string From { get; init; } = "";

    [SpecField("strict"), Description("The file must have every tensor of the model, and no other. false: what is missing is drawn, what is left over is left out; a tensor of another shape is refused all the same.")]
    public bool Strict { get; init; } = true;

    [SpecField("map", Component = "weightRule"), Description("What tensors of the file are called in the model, or that they are left out; the first rule that fits counts: [{skip: \"fc.*\"}, {rename: {match: \"layer1.*\", to: \"4.*\"}}].")]
    public IReadOnlyList<ComponentSpec> Map { get; init; } = [];
}
