using System.Text.RegularExpressions;
using DistTrain.Contracts;
using DistTrain.Grains.Wire;
using DistTrain.Training.Specs;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace DistTrain.Grains;

/// <inheritdoc cref="IJobIndexGrain"/>
[StatelessWorker]
internal sealed partial class JobIndexGrain(IClusterStore store, Roster roster, TimeProvider time) : Grain, IJobIndexGrain
{
    private static readonly TimeSpan _statusLimit = TimeSpan.FromSeconds(3);

    public async Task<JobStatus> Submit(JobSubmission submission)
    {
        if (!SubmissionId().IsMatch(submission.Id)) throw new RequestRefusedException(ClusterError.Invalid, $"id is \"{submission.Id}\". It must be 1 to 64 letters, digits, dashes, dots and underscores.");
        var proposed = Entry(submission);
        var entry = proposed;
        if (await store.ReadAsync(StoreKind.Submission, submission.Id, CancellationToken.None) is { } earlier) entry = Same(JobEntry.Parse(earlier), proposed);
        else
        {
            if (MemberPlacement.WhyNoDevice(JobResolver.ReadDocument(proposed.Document).Spec.Cluster.Device, [.. roster.Offers.Values]) is { } why) throw new RequestRefusedException(ClusterError.Invalid, why);
            // Data and sizes are looked at where it will train, before anything is accepted.
            await GrainFactory.GetGrain<IJobGrain>(proposed.Job).Check(proposed.Document);
            var (written, now) = await store.WriteAsync(StoreKind.Submission, submission.Id, proposed.ToText(), 0, CancellationToken.None);
            if (!written) entry = Same(JobEntry.Parse(now!), proposed);
        }
        await JobBook.BeginAsync(store, entry, CancellationToken.None);
        var job = GrainFactory.GetGrain<IJobGrain>(entry.Job);
        await job.Ensure();
        return await job.Status();
    }

    public async Task<JobStatus[]> List()
    {
        var ends = (await store.ListAsync(StoreKind.End, CancellationToken.None)).ToDictionary(e => e.Key, StringComparer.Ordinal);
        var entries = (await store.ListAsync(StoreKind.Job, CancellationToken.None)).Select(JobEntry.Parse).OrderByDescending(e => e.Submitted).ToList();
        return await Task.WhenAll(entries.Select(e => ends.TryGetValue(e.Job, out var end) ? Task.FromResult(JobEntry.ParseEnd(end)) : Ask(e)));
    }

    // One job that cannot answer does not hide the others.
    private async Task<JobStatus> Ask(JobEntry entry)
    {
        try
        {
            return await GrainFactory.GetGrain<IJobGrain>(entry.Job).Status().WaitAsync(_statusLimit);
        }
        catch (Exception silent) when (silent is not OutOfMemoryException)
        {
            return new JobStatus { Job = entry.Job, Name = entry.Name, State = JobStates.Queued, Submitted = entry.Submitted, Reason = $"its silo does not answer now: {silent.Message}" };
        }
    }

    private JobEntry Entry(JobSubmission submission)
    {
        try
        {
            var spec = JobResolver.Read(submission).Spec;
            return new JobEntry(JobEntry.IdOf(spec.Name, submission.Id), submission.Id, spec.Name, SpecWriter.ToJson(spec).ToJsonString(), SpecWriter.ToYaml(spec), time.GetUtcNow());
        }
        catch (SpecException wrong)
        {
            throw new RequestRefusedException(ClusterError.Invalid, [.. wrong.Problems.Select(p => p.ToString())]);
        }
    }

    private static JobEntry Same(JobEntry earlier, JobEntry proposed) => earlier.Document == proposed.Document
        ? earlier
        : throw new RequestRefusedException(ClusterError.Conflict, $"id is \"{earlier.Submission}\", under which another spec was submitted as job {earlier.Job}. Choose another id, or leave it out.");

    [GeneratedRegex("^[A-Za-z0-9._-]{1,64}$")]
    private static partial Regex SubmissionId();
}
