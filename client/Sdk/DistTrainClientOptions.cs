namespace DistTrain.Client;

/// <summary>Which server, and how patient with it.</summary>
public sealed class DistTrainClientOptions
{
    /// <summary>Where the gateway (or a run's dashboard) listens. A link as it was printed does too: its #token is taken for <see cref="Token"/>.</summary>
    public Uri Server { get; set; } = new("http://127.0.0.1:7070/");

    /// <summary>Sent as Authorization: Bearer.</summary>
    public string Token { get; set; } = "";

    /// <summary>PEM file with the authority (or the self-signed certificate) that the server's certificate is checked against; empty = the machine's own.</summary>
    public string AuthorityFile { get; set; } = "";

    /// <summary>How long a submission may take: the spec is tried on its data before it is accepted.</summary>
    public TimeSpan SubmitTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long any other request may take; streams have no end of their own.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a server that has gone is tried again before what was asked of it ends in an error: streams that were open, and everything with <see cref="DistTrainClient.KeepTrying"/>.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>A stream of which nothing is heard for so long is opened again; the server says a word every ten seconds.</summary>
    public TimeSpan Silence { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>A request that is not answered for so long is told of through <see cref="Connection"/>, and goes on waiting.</summary>
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>Told at once when the connection is lost, is there again, or an answer takes long. From any thread, one call at a time for each request or stream.</summary>
    public Action<ConnectionNews>? Connection { get; set; }

    /// <summary>Makes the bottom of the HTTP stack; for tests and proxies. null = sockets.</summary>
    public Func<HttpMessageHandler>? MakeTransport { get; set; }
}
