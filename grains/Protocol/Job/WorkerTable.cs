namespace DistTrain.Protocol;

/// <summary>A live worker as the job sees it.</summary>
internal sealed class WorkerEntry(int number, string name)
{
    internal int Number { get; } = number;
    internal string Name { get; } = name;
    internal TimeSpan Heard { get; set; }

    /// <summary>It has asked for work and got none yet.</summary>
    internal bool Waiting { get; set; }
    internal TimeSpan WaitingSince { get; set; }

    /// <summary>Outstanding lease, 0 for none; the message that granted it, to send again.</summary>
    internal long Lease { get; set; }
    internal Message Granted { get; set; }

    /// <summary>In a piped job: the stage it ran last, so that it runs it again and pulls no other weights; -1 before the first.</summary>
    internal int Stage { get; set; } = -1;

    /// <summary>In a piped job: what it last said that it waits for.</summary>
    internal WaitKind Awaits { get; set; }
    internal TreeNode AwaitedNode { get; set; }
}

/// <summary>Live workers by number.</summary>
internal sealed class WorkerTable
{
    private readonly List<WorkerEntry> _workers = [];

    internal int Count => _workers.Count;

    internal WorkerEntry this[int rank] => _workers[rank];

    internal WorkerEntry? Find(int number)
    {
        foreach (var worker in _workers)
            if (worker.Number == number) return worker;
        return null;
    }

    internal int RankOf(WorkerEntry worker) => _workers.IndexOf(worker);

    internal WorkerEntry Add(int number, string name)
    {
        var entry = new WorkerEntry(number, name);
        var at = 0;
        while (at < _workers.Count && _workers[at].Number < number) at++;
        _workers.Insert(at, entry);
        return entry;
    }

    internal void Remove(WorkerEntry worker) => _workers.Remove(worker);
}
