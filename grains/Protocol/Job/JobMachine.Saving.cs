namespace DistTrain.Protocol;

// Checkpoints: begun by an OpenStep with Save, finished while training goes on.
public sealed partial class JobMachine
{
    private readonly CheckpointSaver _saver;
    private int _lastSaveTries;

    private TimeSpan _saveAgainAt;

    private bool IsPublished(long version) => _base != CheckpointName.Initial && _base.Version == version;

    private bool ShouldSave()
    {
        if (!_plan.SavesAt(_version) || _base.Version >= _version) return false;
        if (!_saver.IsBusy) return true;
        if (_saver.Name.Version != _version) Report(JobEventKind.CheckpointSkipped, $"no checkpoint at step {_version}: {_saver.Name} is still being written");
        return false;
    }

    private void OnSaved(in Message message)
    {
        if (_saver.Stage != SaveStage.Files || message.Incarnation != Incarnation || _saver.Name != new CheckpointName(message.Step, message.Incarnation)) return;
        var slot = SlotOf(message.From);
        if (slot < 0 || slot % 2 != 0) return;
        if (message.Payload is null) AbandonSave(message.Text ?? $"{message.From} could not write its file");
        else if (_saver.Saved(slot / 2, message.Payload)) SendManifest();
    }

    private void SendManifest() => _out.Add(new Effect
    {
        Kind = EffectKind.PublishManifest,
        Payload = _saver.Manifest(),
        Message = To(Address.Host, MessageKind.None) with { Step = _saver.Name.Version },
    });

    private void ResendSave()
    {
        if (_saver.Stage == SaveStage.Manifest) SendManifest();
        if (_saver.Stage != SaveStage.Files || _phase is not (Phase.Stepping or Phase.Saving or Phase.Boundary)) return;
        for (var s = 0; s < _plan.Shards.Length; s++)
            if (!_saver.IsSaved(s)) _out.Send(To(SeatOf(2 * s), MessageKind.AskSaved) with { Step = _saver.Name.Version });
    }

    private void OnManifestPublished(in Message message)
    {
        if (_saver.Stage != SaveStage.Manifest || _saver.Name != new CheckpointName(message.Step, message.Incarnation)) return;
        if (!message.Flag)
        {
            AbandonSave(message.Text ?? "the manifest could not be published");
            return;
        }
        _saver.Published();
        WriteIfNeeded();
    }

    private void SaveIsPublished()
    {
        _records.RemoveRange(0, _saver.Entries);
        _base = _saver.Name;
        _saver.Stop();
        Report(JobEventKind.CheckpointPublished, $"checkpoint {_base} after {(_now - _saver.Since).TotalSeconds:F1} s");
        for (var slot = 0; slot < _slots.Length; slot++)
            if (IsPlaced(slot)) _out.Send(To(SeatOf(slot), MessageKind.Published) with { Step = _base.Version });
        if (_phase == Phase.Saving && IsPublished(_version)) EndHere();
    }

    private void AbandonSave(string why)
    {
        var name = _saver.Name;
        _saver.Stop();
        Report(JobEventKind.CheckpointAbandoned, $"checkpoint {name} is given up: {why}");
        if (_phase == Phase.Saving) SaveAgain(why);
        else if (_phase == Phase.Boundary) Boundary();
    }

    /// <summary>The last state must be saved: three attempts, a moment apart.</summary>
    private void SaveAgain(string why)
    {
        if (++_lastSaveTries >= 3)
        {
            Fail($"the last checkpoint, of step {_version}, cannot be written: {why}");
            return;
        }
        _saveAgainAt = _now + _plan.Limits.SaveAgain;
        Boundary();
    }
}
