using Orleans;

namespace DistTrain.Grains.Wire;

/// <summary>What a silo can do for jobs.</summary>
/// <param name="Lane">IP endpoint of its tensor lane; empty where it does not train.</param>
/// <param name="Shards">It holds parameter shards.</param>
/// <param name="Workers">Workers of one job that it runs at most.</param>
/// <param name="Device">Where they compute: cpu, gpu:0, opencl:0 or ilgpu-cpu.</param>
/// <param name="Name">For people.</param>
/// <param name="Leaving">It takes nothing new.</param>
[GenerateSerializer, Immutable, Alias("disttrain.offer")]
public sealed record SiloOffer([property: Id(0)] string Lane, [property: Id(1)] bool Shards, [property: Id(2)] int Workers, [property: Id(3)] string Device, [property: Id(4)] string Name, [property: Id(5)] bool Leaving);

/// <summary>Members of one job on one silo.</summary>
[GenerateSerializer, Immutable, Alias("disttrain.members")]
public sealed record SiloMembers([property: Id(0)] int[] Workers, [property: Id(1)] int[] Seats);
