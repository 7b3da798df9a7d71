using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DistTrain.Tests")]
[assembly: InternalsVisibleTo("DistTrain.Cluster.Tests")]
