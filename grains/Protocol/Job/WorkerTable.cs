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
