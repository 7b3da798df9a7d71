namespace DistTrain.Protocol;

public sealed class WorkerMachine(JobPlan plan, int number, WorkerHello hello) : IMachine
{
    public Address Address => Address.Worker(number);

    public TimeSpan NextWake => TimeSpan.MaxValue;

    public IReadOnlyList<Wait> Waits => [];

    public void Handle(in Message message, TimeSpan now, EffectList effects)
    {
        _ = (plan, number, hello);
    }
}
