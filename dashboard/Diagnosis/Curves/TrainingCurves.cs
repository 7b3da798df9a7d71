namespace DistTrain.Diagnosis;

/// <summary>What a diagnosis looks at. Only the two losses are needed; each further series lets more checks run.</summary>
public sealed record TrainingCurves
{
    /// <summary>Train loss, best measured in evaluation mode on a fixed subset: an epoch's running mean lags behind, and dropout inflates it.</summary>
    public Curve TrainLoss { get; init; } = Curve.Empty;

    public Curve TestLoss { get; init; } = Curve.Empty;

    /// <summary>Share of right answers on the test set, in [0, 1].</summary>
    public Curve Accuracy { get; init; } = Curve.Empty;

    /// <summary>Global norm of the gradient before clipping.</summary>
    public Curve GradientNorm { get; init; } = Curve.Empty;

    /// <summary>‖update‖ / ‖weights‖ of a step.</summary>
    public Curve UpdateRatio { get; init; } = Curve.Empty;

    public Curve LearningRate { get; init; } = Curve.Empty;

    /// <summary>Share of units that are zero on every sample of an evaluation, in [0, 1]: of the layer that has most.</summary>
    public Curve DeadUnitShare { get; init; } = Curve.Empty;

    /// <summary>Gradient norm of the first layer with parameters over that of the last: what is left of the gradient on its way back.</summary>
    public Curve GradientSpread { get; init; } = Curve.Empty;
}
