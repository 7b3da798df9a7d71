namespace DistTrain.Contracts;

/// <summary>Why a request was refused, as application/problem+json (RFC 9457).</summary>
/// <param name="Type">"about:blank": the status says it all.</param>
/// <param name="Title">One of the names of <see cref="ClusterError"/>, in camel case.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">All problems as one text.</param>
/// <param name="Problems">Every problem: what is set, what it must be, what to do.</param>
public sealed record ProblemReport(string Type, string Title, int Status, string Detail, IReadOnlyList<string> Problems);

/// <summary>Some of a job's events, in order.</summary>
/// <param name="After">Ask for what comes after this sequence number next.</param>
/// <param name="More">There are more already.</param>
public sealed record EventPage(IReadOnlyList<TrainingEvent> Events, long After, bool More);

/// <summary>Some of a job's metric points, in order.</summary>
/// <inheritdoc cref="EventPage"/>
public sealed record MetricPage(IReadOnlyList<MetricPoint> Points, long After, bool More);

/// <summary>All of a job's metrics in as few points as a chart has room for.</summary>
/// <param name="Series">trainLoss, trainAccuracy, learningRate, gradientNorm, clippedNorm by step; testLoss, testAccuracy by evaluation; seconds by both.</param>
/// <param name="After">Sequence number of the last point in it: live points follow from there.</param>
/// <param name="Text">"2,000 of 57,000 points, min/max kept".</param>
public sealed record MetricHistory(IReadOnlyList<MetricLine> Series, long After, string Text);

/// <summary>One series of a <see cref="MetricHistory"/>.</summary>
/// <param name="Total">Points that the series has; <see cref="Points"/> covers all of them.</param>
public sealed record MetricLine(string Name, long Total, IReadOnlyList<MetricSpan> Points);

/// <summary>Neighbouring points as one.</summary>
/// <param name="From">Step of the first.</param>
/// <param name="To">Step of the last.</param>
/// <param name="Last">Value of the last.</param>
/// <param name="Min">Lowest finite value; NaN where there is none.</param>
/// <param name="Max">Highest finite value; NaN where there is none.</param>
/// <param name="NonFinite">Values among them that are NaN or infinite.</param>
public sealed record MetricSpan(long From, long To, double Last, double Min, double Max, long Count, long NonFinite);

/// <summary>What answers.</summary>
/// <param name="Version">Of the product.</param>
/// <param name="Title">What this server is for, in a few words; may be empty.</param>
/// <param name="Api">The newest version of the API that is served; its routes begin with /api/v1.</param>
public sealed record ServerVersion(string Product, string Version, string Api, string Runtime, string Title = "");

/// <summary>Whether the cluster behind the API answers.</summary>
/// <param name="Status">healthy or unhealthy.</param>
/// <param name="Detail">Why not; empty where it does.</param>
public sealed record ServerHealth(string Status, string Detail);
