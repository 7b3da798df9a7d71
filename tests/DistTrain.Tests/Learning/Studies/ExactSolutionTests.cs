using DistTrain.Learning;

namespace DistTrain.Tests.Learning.Studies;

public sealed class ExactSolutionTests
{
    // 40 rows of 5 that numpy was given too.
    private static readonly double[][] Rows = [.. Enumerable.Range(0, 40).Select(i =>
    {
        var row = Enumerable.Range(0, 5).Select(j => (double)(float)((i * 37 + 11 * j * j + 5) % 29 / 14.5 - 1 + (i % 3 != 0 ? 0.5 * j : 0))).ToArray();
        row[1] += row[0];
        row[3] -= 2 * row[2];
        return Array.ConvertAll(row, v => (double)(float)v);
    })];

    [Fact]
    public void Principal_components_are_numpys_eigenvectors()
    {
        // numpy.linalg.eigh of the covariance, largest first.
        var (_, values, vectors) = ExactSolution.PrincipalComponents(Rows);
        double[] wanted = [1.736897302, 1.526557335, 0.345260831, 0.258272759, 0.01639614];
        for (var i = 0; i < 5; i++) Assert.Equal(wanted[i], values[i], 1e-8);
        double[] first = [-0.076489359, -0.287408008, -0.377906034, 0.246765401, -0.841332206];
        Assert.Equal(1, Math.Abs(vectors[0].Zip(first, (a, b) => a * b).Sum()), 1e-8);
    }

    [Fact]
    public void A_subspace_has_cosine_one_with_itself_in_any_basis_and_zero_with_what_is_across_it()
    {
        double[][] plane = [[1, 0, 0, 0], [0, 1, 0, 0]];
        Assert.Equal(1, ExactSolution.SubspaceCosine([[2, 1, 0, 0], [-3, 0.5, 0, 0]], plane), 1e-12);
        Assert.Equal(Math.Cos(0.3), ExactSolution.SubspaceCosine([[5, 0, 0, 0], [0, Math.Cos(0.3), Math.Sin(0.3), 0]], plane), 1e-12);
        Assert.Equal(0, ExactSolution.SubspaceCosine([[1, 0, 0, 0], [0, 0, 1, 0]], plane), 1e-9);
    }

    [Fact]
    public void Least_squares_solves_its_normal_equations_and_says_where_there_are_none()
    {
        var targets = Rows.Select(r => new[] { 1 + 2 * r[0] - 0.5 * r[4], r[2] }).ToArray();
        var weights = ExactSolution.LeastSquares(Rows, targets, 0)!;
        double[][] wanted = [[2, 0, 0, 0, -0.5, 1], [0, 0, 1, 0, 0, 0]];
        for (var t = 0; t < 2; t++)
            for (var i = 0; i < 6; i++) Assert.Equal(wanted[t][i], weights[t][i], 1e-9);
        Assert.Null(ExactSolution.LeastSquares([.. Rows.Select(r => (double[])[.. r, r[0]])], targets, 0));
    }

    [Fact]
    public void A_matrix_that_is_not_positive_definite_has_no_root()
    {
        Assert.Null(Cholesky.Of(new double[,] { { 1, 2 }, { 2, 1 } }));
        var factor = Cholesky.Of(new double[,] { { 4, 2, 0 }, { 2, 5, 3 }, { 0, 3, 6 } })!;
        double[] b = [8, 21, 24]; // A·(1, 2, 3)
        factor.Solve(b);
        for (var i = 0; i < 3; i++) Assert.Equal(i + 1, b[i], 1e-12);
    }
}
