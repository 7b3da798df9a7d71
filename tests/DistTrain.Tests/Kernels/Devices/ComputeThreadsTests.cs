using DistTrain.Kernels;

namespace DistTrain.Tests.Kernels.Devices;

[Collection(MeasuresTheWholeProcess.Name)]
public sealed class ComputeThreadsTests
{
    [Theory]
    [InlineData(1, 7)]
    [InlineData(2, 7)]
    [InlineData(3, 2)]
    [InlineData(4, 100)]
    public void Parts_go_to_threads_by_index_and_each_runs_once(int threads, int parts)
    {
        using var device = new CpuDevice(threads);
        var used = Math.Min(threads, parts);
        var expected = Enumerable.Range(0, parts).Select(part => Enumerable.Range(0, used).Single(t => part >= (long)t * parts / used && part < (long)(t + 1) * parts / used)).ToArray();
        for (var repeat = 0; repeat < 200; repeat++)
        {
            var job = new RecordThread(new int[parts], new int[parts]);
            device.Run(ref job, parts);
            Assert.All(job.Runs, runs => Assert.Equal(1, runs));
            Assert.Equal(expected, job.ThreadOf);
        }
    }

    [Fact]
    public void Late_threads_never_run_a_round_twice_or_miss_one()
    {
        // More threads than cores and uneven parts: threads are preempted between their last step of a round and the next round's first.
        using var device = new CpuDevice(5);
        for (var round = 1; round <= 4_000; round++)
        {
            var job = new UnevenJob(new int[5], round);
            device.Run(ref job, 5);
            foreach (var seen in job.Rounds) Assert.Equal(round, seen);
        }
    }

    [Fact]
    public void A_dispatch_after_the_threads_have_parked_runs_too()
    {
        using var device = new CpuDevice(3);
        for (var repeat = 0; repeat < 5; repeat++)
        {
            var job = new RecordThread(new int[3], new int[3]);
            device.Run(ref job, 3);
            Assert.Equal([0, 1, 2], job.ThreadOf);
            // Long past the spin: the threads park between rounds.
            var until = Environment.TickCount64 + 5;
            while (Environment.TickCount64 < until) Thread.Yield();
        }
    }

    [Fact]
    public void The_failure_of_the_lowest_part_surfaces_on_the_caller_and_the_device_goes_on()
    {
        using var device = new CpuDevice(3);
        for (var repeat = 0; repeat < 20; repeat++)
        {
            var failing = new FailingJob();
            var failure = Assert.Throws<InvalidDataException>(() => device.Run(ref failing, 3));
            Assert.Equal("part 1", failure.Message);
        }
        var job = new RecordThread(new int[6], new int[6]);
        device.Run(ref job, 6);
        Assert.All(job.Runs, runs => Assert.Equal(1, runs));
    }

    [Fact]
    public void A_part_may_not_start_another_job()
    {
        using var device = new CpuDevice(2);
        var job = new NestedJob(device);
        Assert.Contains("one job at a time", Assert.Throws<InvalidOperationException>(() => device.Run(ref job, 2)).Message);
    }

    [Fact]
    public void What_a_job_writes_into_its_fields_comes_back()
    {
        using var device = new CpuDevice(2);
        var job = new CountingJob();
        device.Run(ref job, 10);
        Assert.Equal(10, job.Count);
    }

    [Fact]
    public void A_dispatch_allocates_nothing()
    {
        using var device = new CpuDevice(2);
        var job = new CountingJob();
        for (var i = 0; i < 100; i++) device.Run(ref job, 2);
        var least = long.MaxValue;
        for (var repeat = 0; repeat < 5; repeat++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < 500; i++) device.Run(ref job, 2);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.InRange(least, 0, 1000);
    }

    [Fact]
    public void A_disposed_device_refuses_work_and_its_threads_have_ended()
    {
        var device = new CpuDevice(2);
        var job = new ThreadsJob(new Thread[2]);
        device.Run(ref job, 2);
        device.Dispose();
        Assert.False(job.Threads[1].IsAlive);
        Assert.Throws<ObjectDisposedException>(() => device.Run(ref job, 2));
    }

    private struct RecordThread(int[] threadOf, int[] runs) : IParallelJob
    {
        public readonly int[] ThreadOf = threadOf;
        public readonly int[] Runs = runs;

        public readonly void Run(int part, int thread)
        {
            ThreadOf[part] = thread;
            Runs[part]++;
        }
    }

    private struct UnevenJob(int[] rounds, int round) : IParallelJob
    {
        public readonly int[] Rounds = rounds;

        public readonly void Run(int part, int thread)
        {
            if ((round * 7 + part * 13) % 11 == 0) Thread.Yield();
            Thread.SpinWait((round + part) % 40);
            Assert.Equal(0, Rounds[part]);
            Rounds[part] = round;
        }
    }

    private struct FailingJob : IParallelJob
    {
        public readonly void Run(int part, int thread)
        {
            if (part > 0) throw new InvalidDataException($"part {part}");
        }
    }

    private struct NestedJob(CpuDevice device) : IParallelJob
    {
        public readonly void Run(int part, int thread)
        {
            var inner = new CountingJob();
            device.Run(ref inner, 2);
        }
    }

    private struct CountingJob : IParallelJob
    {
        public int Count;

        public void Run(int part, int thread) => Interlocked.Increment(ref Count);
    }

    private struct ThreadsJob(Thread[] threads) : IParallelJob
    {
        public readonly Thread[] Threads = threads;

        public readonly void Run(int part, int thread) => Threads[thread] = Thread.CurrentThread;
    }
}
