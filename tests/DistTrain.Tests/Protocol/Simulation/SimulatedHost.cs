using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>A run broke a promise; the message begins with the seed that shows it again.</summary>
internal sealed class SimulationViolation(string text) : Exception(text);

/// <summary>A process of the simulated cluster: one machine, a clock of its own, and memory that a crash loses.</summary>
internal abstract class SimulatedHost(World world, IMachine machine)
{
    private readonly EffectList _effects = new();
    private TimeSpan _localBase = TimeSpan.FromSeconds(world.Random.Between(1, 1000));
    private TimeSpan _worldBase = world.Now;
    private double _rate = world.Random.Between(0.98, 1.02);
    private TimeSpan _wake = TimeSpan.MaxValue;

    protected World World { get; } = world;

    internal IMachine Machine { get; } = machine;

    internal Address Address => Machine.Address;

    internal bool IsAlive { get; private set; } = true;

    /// <summary>Until then nothing is handled: messages wait, and so does what it has computed.</summary>
    internal TimeSpan StalledUntil { get; set; }

    /// <summary>Dies after this many effects of one call; -1: does not.</summary>
    internal int DiesAfterEffects { get; set; } = -1;

    internal long WakeGeneration { get; private set; }

    internal TimeSpan Clock => _localBase + (World.Now - _worldBase) * _rate;

    /// <summary>The clock runs at another rate from now on and jumps ahead.</summary>
    internal void Skew(double rate, TimeSpan jump)
    {
        (_localBase, _worldBase, _rate) = (Clock + jump, World.Now, rate);
        ScheduleWake(again: true);
    }

    internal void Crash() => IsAlive = false;

    internal void Handle(in Message message)
    {
        if (!IsAlive) return;
        Before(message);
        Machine.Handle(message, Clock, _effects);
        World.Trace?.Invoke($"{World.Now.TotalMilliseconds,10:F3} {Address} handles {message}");
        for (var i = 0; i < _effects.Count && IsAlive; i++)
        {
            World.Trace?.Invoke($"                {_effects[i]}");
            Perform(_effects[i]);
            if (DiesAfterEffects < 0 || --DiesAfterEffects >= 0) continue;
            Crash();
            Died();
        }
        _effects.Clear();
        if (!IsAlive) return;
        After(message);
        ScheduleWake(again: false);
    }

    protected virtual void Before(in Message message)
    {
    }

    protected virtual void After(in Message message)
    {
    }

    protected virtual void Died()
    {
    }

    protected abstract void Perform(in Effect effect);

    /// <summary>The machine's own host answers: reliable, after a while, lost with the process.</summary>
    protected void Answer(Message message, double milliseconds) =>
        World.After(milliseconds, this, message with { From = Address.Host, To = Address, Job = World.Scenario.Plan.Key });

    private void ScheduleWake(bool again)
    {
        if (!IsAlive || (Machine.NextWake == _wake && !again)) return;
        _wake = Machine.NextWake;
        WakeGeneration++;
        if (_wake == TimeSpan.MaxValue) return;
        var wait = (_wake - Clock) / _rate;
        World.Wake(wait > TimeSpan.Zero ? wait + TimeSpan.FromMicroseconds(1) : TimeSpan.FromMicroseconds(1), this, WakeGeneration);
    }

    internal void Woken()
    {
        _wake = TimeSpan.MaxValue;
        Handle(new Message { Kind = MessageKind.Tick, From = Address.Host, To = Address });
    }
}
