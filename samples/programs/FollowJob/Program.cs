// Trains LeNet's little sister on a cluster and follows it. Start a server first: disttrain serve
using DistTrain.Client;
using DistTrain.Contracts;

// The link that the server printed; the token is in it.
if (args is not [var link]) return Fail(2, "usage: FollowJob LINK, such as 'http://127.0.0.1:7070/#token=...'");
try
{
    await using var client = new DistTrainClient(link);
    var spec = new JobBuilder("from-a-program")
        .Data("digits", "", ("train", 4000), ("test", 1000))
        .Model(layers => layers.Add("conv2d", ("out", 6), ("kernel", 5), ("padding", 2)).Add("relu").Add("maxPool2d", 2).Add("flatten").Add("linear", 10))
        .Optimizer("adam", ("lr", 2e-3)).Schedule("cosine", ("warmupSteps", 20))
        .Epochs(2).BatchSize(64).Training(t => t with { EvaluateEvery = 20 });

    var job = await client.SubmitAsync(spec);
    await foreach (var point in job.EvaluationsAsync())
        Console.WriteLine($"step {point.Step,4}: test loss {point.Loss:F4}, accuracy {point.Accuracy:P2}");

    var ended = await job.WaitAsync();
    Console.WriteLine($"{ended.State} after {ended.Step} steps, weights {ended.WeightsSha256}");
    Console.WriteLine((await job.DiagnoseAsync()).Sentence);
    return ended.State == JobStates.Succeeded ? 0 : 1;
}
catch (ClusterException refused)
{
    return Fail(refused.Error is ClusterError.Unreachable or ClusterError.NotAllowed ? 4 : 2, refused.Message);
}

static int Fail(int code, string problem)
{
    Console.Error.WriteLine(problem);
    return code;
}
