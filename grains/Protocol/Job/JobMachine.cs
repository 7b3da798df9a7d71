namespace DistTrain.Protocol;

public sealed class JobMachine(JobPlan plan, IStepRule rule) : IMachine
{
    public Address Address => Address.Job;

    public TimeSpan NextWake => TimeSpan.MaxValue;

    public IReadOnlyList<Wait> Waits => [];

    public void Handle(in Message message, TimeSpan now, EffectList effects)
    {
        _ = (plan, rule);
    }
}
