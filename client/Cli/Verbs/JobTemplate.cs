namespace DistTrain.Cli;

/// <summary>The job file that <c>init</c> writes.</summary>
internal static class JobTemplate
{
    public static string Text(string name) => $$"""
        # A DistTrain job. Check it with: disttrain validate {{name}}.yaml
        apiVersion: disttrain/v1
        kind: TrainingJob
        metadata: { name: "{{name}}" }
        spec:
          # digits is built in. Own files: format idx, cifar10 or csv, and their folder or file as path.
          data: { format: digits, standardize: true }
          # A model by name (lenet, mlp), or a list of layers. These are LeNet's.
          model:
            - conv2d: { out: 6, kernel: 5, padding: 2 }
            - relu
            - maxPool2d: 2
            - conv2d: { out: 16, kernel: 5 }
            - relu
            - maxPool2d: 2
            - flatten
            - linear: 120
            - relu
            - linear: 84
            - relu
            - linear: 10
          loss: crossEntropy
          optimizer: { adam: { lr: 0.001 } }
          # Up over the first steps, then down to 0 along a cosine: some tenths of a percent better than constant.
          schedule: { cosine: { warmupSteps: 100 } }
          training:
            epochs: 5
            batchSize: 64 # samples of a step, over all workers
            seed: 42
            clipNorm: 0 # clip gradients by global norm; 0 = off
          # Nothing below changes the result: any number of workers and shards gives the same bits.
          cluster: { workers: 2, shards: 2, device: auto }
          checkpoint: { every: 1epoch, keep: { last: 3, best: testLoss } }

        """;
}
