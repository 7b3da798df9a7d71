namespace DistTrain.Protocol;

/// <summary>How M micro-batches are shared by W workers at the start of a step: as equal as whole micro-batches allow, and of those splits the one that is pushed as the fewest tree nodes.</summary>
/// <remarks>The largest share decides the step's time, the nodes decide its bytes: time first. Of equal splits the same one is found every time.</remarks>
internal sealed class LeaseSplit
{
    private int[] _bounds = [0];
    private int _leaves;

    internal int Shares { get; private set; }

    /// <summary>First micro-batch of share k; index Shares gives M.</summary>
    internal int Start(int share) => _bounds[share];

    internal int Largest { get; private set; }

    /// <summary>Splits anew when the numbers have changed.</summary>
    internal void Fit(int leaves, int workers)
    {
        var shares = Math.Clamp(workers, 1, leaves);
        if (leaves == _leaves && shares == Shares) return;
        (_leaves, Shares, Largest) = (leaves, shares, (leaves + shares - 1) / shares);
        _bounds = Fewest(leaves, shares, Largest);
    }

    // cost[k, e]: fewest nodes that cover [0, e) with k shares of at most `largest` leaves, none empty.
    private static int[] Fewest(int leaves, int shares, int largest)
    {
        const int never = int.MaxValue / 2;
        var cost = new int[shares + 1, leaves + 1];
        var from = new int[shares + 1, leaves + 1];
        Span<TreeNode> nodes = stackalloc TreeNode[TreeNode.MostInCover(leaves)];
        for (var e = 1; e <= leaves; e++) cost[0, e] = never;
        for (var k = 1; k <= shares; k++)
        {
            cost[k, 0] = never;
            for (var end = 1; end <= leaves; end++)
            {
                cost[k, end] = never;
                for (var start = Math.Max(0, end - largest); start < end; start++)
                {
                    if (cost[k - 1, start] >= never) continue;
                    var total = cost[k - 1, start] + TreeNode.Cover(start, end - start, leaves, nodes);
                    if (total < cost[k, end]) (cost[k, end], from[k, end]) = (total, start);
                }
            }
        }
        var bounds = new int[shares + 1];
        bounds[shares] = leaves;
        for (var k = shares; k > 0; k--) bounds[k - 1] = from[k, bounds[k]];
        return bounds;
    }
}
