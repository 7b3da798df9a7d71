using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DistTrain.Tests")]
