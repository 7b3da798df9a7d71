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

    /// <summary>How long a stream that was open is tried again when the server has gone, before it ends in an error.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>A stream of which nothing is heard for so long is opened again; the server says a word every ten seconds.</summary>
    public TimeSpan Silence { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Makes the bottom of the HTTP stack; for tests and proxies. null = sockets.</summary>
    public Func<HttpMessageHandler>? MakeTransport { get; set; }
}
