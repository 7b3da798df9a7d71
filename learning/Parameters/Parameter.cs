namespace DistTrain.Learning;

/// <summary>A tensor that training changes: a layer's declaration of it, and its slice of the flat vector once the network is laid out.</summary>
public sealed class Parameter
{
    private Slice? _slice;

    internal Parameter(string name, Shape shape, SliceKind kind, Initializer? initializer, Fan fan) =>
        (Name, Shape, Kind, Initializer, Fan) = (name, shape, kind, initializer, fan);

    /// <summary>PyTorch's name: <c>0.weight</c>, <c>features.3.bias</c>.</summary>
    public string Name { get; }

    public Shape Shape { get; }

    public SliceKind Kind { get; }

    /// <summary>Where the first weights come from; null for moments, which start at (0, 0, 1), and for carried state, which starts at 0.</summary>
    public Initializer? Initializer { get; }

    /// <summary>Connections into and out of one unit.</summary>
    public Fan Fan { get; }

    /// <summary>Of moments: what a step's statistics weigh in the running ones.</summary>
    public float Momentum { get; init; }

    /// <summary>Of moments: they stay as they are, and their layer goes by them in training too.</summary>
    public bool IsFrozen { get; internal set; }

    public Slice Slice
    {
        get => _slice ?? throw new InvalidOperationException($"parameter {Name} has no place yet; build the network first.");
        internal set => _slice = value;
    }
}

/// <summary>Connections into (In) and out of (Out) one unit: [O, I] gives I and O; [O, C, Y, X] gives C·Y·X and O·Y·X, as PyTorch counts them.</summary>
public readonly record struct Fan(int In, int Out)
{
    public static Fan Of(Shape weight)
    {
        if (weight.Rank < 2) return new Fan(Math.Max(1, weight.Length), Math.Max(1, weight.Length));
        var field = 1;
        foreach (var length in weight.Axes[2..]) field *= length;
        return new Fan(weight[1] * field, weight[0] * field);
    }
}
