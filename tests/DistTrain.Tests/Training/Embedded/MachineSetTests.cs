using DistTrain.Kernels;
using DistTrain.Protocol;
using DistTrain.Training;

namespace DistTrain.Tests.Training;

public sealed class MachineSetTests
{
    [Fact]
    public void Whoever_keeps_the_time_does_not_oversleep_a_wake_that_another_thread_sets()
    {
        using var attending = new CpuDevice(1);
        using var working = new CpuDevice(1);
        var set = new MachineSet(1, null);
        using var machine = new Alarm();
        var host = new AlarmHost(machine, set);
        set.Add(host);
        var attendant = new Thread(() => set.Attend(attending)) { IsBackground = true };
        attendant.Start();
        for (var round = 0; round < 20; round++)
        {
            // As a worker's thread does: the message is handled here, and asks to be woken soon.
            host.Post(new Message { Kind = MessageKind.Request, To = machine.Address });
            host.TryDrain(working);
            Assert.True(machine.Rang.Wait(TimeSpan.FromSeconds(20)), $"round {round}: nobody woke the machine");
            machine.Rang.Reset();
        }
        set.Stop();
        Assert.True(attendant.Join(TimeSpan.FromSeconds(20)), "the attendant does not leave");
    }

    private sealed class AlarmHost(IMachine machine, MachineSet set) : MachineHost(machine, set)
    {
        protected override void Perform(in Effect effect, Device device)
        {
        }
    }

    private sealed class Alarm : IMachine, IDisposable
    {
        public ManualResetEventSlim Rang { get; } = new();

        public Address Address => Address.Job;

        public TimeSpan NextWake { get; private set; } = TimeSpan.MaxValue;

        public IReadOnlyList<Wait> Waits => [];

        public void Handle(in Message message, TimeSpan now, EffectList effects)
        {
            if (message.Kind == MessageKind.Request) NextWake = now + TimeSpan.FromMilliseconds(20);
            else if (now >= NextWake)
            {
                NextWake = TimeSpan.MaxValue;
                Rang.Set();
            }
        }

        public void Dispose() => Rang.Dispose();
    }
}
