using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>A scheduler process. Two may live at once: one that stalled and the one that took over.</summary>
internal sealed class SimulatedJob(World world, ulong instance, bool resume) : SimulatedHost(world, new JobMachine(world.Scenario.Plan, new SimulatedRule(), world.Planted))
{
    private int _handled;

    internal JobMachine Job => (JobMachine)Machine;

    /// <summary>Dies in the middle of sending what the next decision makes it send.</summary>
    internal bool DiesWhileSending { get; set; }

    internal void Begin() => Handle(new Message { Kind = MessageKind.Start, From = Address.Host, To = Address, Payload = new JobStart(instance, resume) });

    protected override void Perform(in Effect effect)
    {
        switch (effect.Kind)
        {
            case EffectKind.Send: World.Send(this, effect.Message); break;
            case EffectKind.ReadRegister:
                World.After(World.Random.Between(0.2, 2), () =>
                {
                    if (!World.Store.RegisterIsDown) Answer(new Message { Kind = MessageKind.RegisterRead, Payload = World.Store.Register }, World.Random.Between(0.1, 1));
                });
                break;
            case EffectKind.WriteRegister: Write((RegisterRecord)effect.Payload!, effect.Message.Step); break;
            case EffectKind.ListCheckpoints:
                World.AfterStore(1, () => Answer(new Message { Kind = MessageKind.CheckpointsListed, Payload = World.Store.Names }, 0.1));
                break;
            case EffectKind.VerifyCheckpoint: Verify((RestoreFrom)effect.Payload!); break;
            case EffectKind.PublishManifest: Publish((CheckpointManifest)effect.Payload!); break;
            case EffectKind.Committed:
                World.OnCommitted(this, effect);
                if (DiesWhileSending) (DiesWhileSending, DiesAfterEffects) = (false, World.Random.Next(0, 4));
                break;
            case EffectKind.Event: World.OnEvent((JobEvent)effect.Payload!); break;
            case EffectKind.Ended: World.OnEnded(this, effect.State, effect.Text ?? ""); break;
            default: break;
        }
    }

    protected override void After(in Message message)
    {
        if (Job.HasEnded || ++_handled % 8 != 0) return;
        if (Job.Waits.Count == 0) World.Violate($"the job waits for nothing and has not ended: {Job.Why()}");
    }

    protected override void Died() => World.JobDied(this);

    private void Write(RegisterRecord record, long expected) =>
        World.After(World.Random.Between(0.2, 2), () =>
        {
            if (World.Store.RegisterIsDown) return;
            var written = World.Store.Write(record, expected);
            if (World.Random.Chance(0.05)) return;
            Answer(new Message { Kind = MessageKind.RegisterWritten, Flag = written, Payload = World.Store.Register }, World.Random.Between(0.1, 2));
        });

    private void Verify(RestoreFrom from) => World.AfterStore(World.Random.Between(0.5, 4), () =>
    {
        var (manifest, why) = World.Store.Verify(from.Name);
        Answer(new Message { Kind = MessageKind.CheckpointVerified, Step = from.Name.Version, Lease = from.Name.Incarnation, Payload = manifest, Text = why }, 0.1);
    });

    private void Publish(CheckpointManifest manifest) => World.AfterStore(World.Random.Between(0.5, 4), () =>
    {
        var why = World.Store.Publish(manifest);
        Answer(new Message { Kind = MessageKind.ManifestPublished, Step = manifest.Name.Version, Incarnation = manifest.Name.Incarnation, Flag = why is null, Text = why }, 0.1);
    });
}
