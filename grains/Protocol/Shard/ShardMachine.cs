namespace DistTrain.Protocol;

public sealed class ShardMachine(JobPlan plan, int seat) : IMachine
{
    public Address Address => Address.Seat(seat);

    public TimeSpan NextWake => TimeSpan.MaxValue;

    public IReadOnlyList<Wait> Waits => [];

    public void Handle(in Message message, TimeSpan now, EffectList effects)
    {
        _ = (plan, seat);
    }
}
