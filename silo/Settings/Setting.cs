namespace DistTrain.Silo;

/// <summary>One option of the silo.</summary>
/// <param name="Name">On the command line after two dashes; in the environment as DISTTRAIN_NAME with underscores.</param>
/// <param name="Default">Empty: none.</param>
/// <param name="Text">For --help.</param>
internal sealed record Setting(string Name, string Default, string Text)
{
    public string Variable => "DISTTRAIN_" + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>Every option, in the order of --help and of silo/README.md.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        new("role", "silo", "silo (trains) or gateway (API and page)"),
        new("hosts", "shards,workers", "role silo: shards, workers, or both with a comma"),
        new("workers", "1", "workers of one job that this silo runs at most"),
        new("threads", "0", "compute threads of one worker; 0 = cores / workers"),
        new("device", "auto", "where its workers compute: auto, cpu, gpu:N, opencl:N, ilgpu-cpu"),
        new("name", "", "for people, and in the membership table; empty = host name"),
        new("cluster", "disttrain", "Orleans' cluster id"),
        new("service", "disttrain", "Orleans' service id"),
        new("clustering", "localhost", "localhost or postgresql"),
        new("primary", "", "clustering localhost: ip:port of the silo that holds the membership; empty = this one"),
        new("postgresql", "", "clustering postgresql: connection string"),
        new("postgresql-file", "", "a file that holds the connection string"),
        new("address", "127.0.0.1", "IP address by which other silos reach this one"),
        new("silo-port", "11111", "Orleans, silo to silo"),
        new("gateway-port", "0", "Orleans, clients to silo, without a credential: whoever reaches it can call every grain; 0 = no clients"),
        new("lane-port", "11211", "the tensor lane; 0 takes a free one"),
        new("health-port", "8081", "/health/live, /health/ready, POST /drain; 0 takes a free one"),
        new("http-port", "8080", "role gateway: API and page; 0 takes a free one"),
        new("http-address", "127.0.0.1", "role gateway: IP address that it listens on"),
        new("http-hosts", "", "role gateway: further names by which it is reached, with commas; * = any"),
        new("token-file", "", "role gateway: a file that holds the bearer token"),
        new("token", "", "role gateway: the bearer token; better in the environment than on the command line"),
        new("certificate", "", "role gateway: certificate chain, PEM"),
        new("certificate-key", "", "role gateway: its key, PEM"),
        new("cluster-key-file", "", "a file of at least 32 bytes, the same on every silo"),
        new("cluster-key", "", "the same as text; better in the environment than on the command line"),
        new("cluster-certificate", "", "Orleans' connections over TLS: this silo's certificate chain, PEM"),
        new("cluster-certificate-key", "", "its key, PEM"),
        new("cluster-authority", "", "certificates of the authority that all silos' certificates are of, PEM"),
        new("state", "runs/cluster", "folder that every silo reaches"),
        new("data", "", "data paths of job specs begin here and stay in it; empty = the current folder"),
        new("drain-seconds", "60", "how long ending may take"),
        new("probe-seconds", "2", "Orleans' probe period"),
        new("attached", "false", "true: end, as on SIGTERM, when standard input closes"),
        new("log", "information", "debug, information, warning, error"),
    ];
}
