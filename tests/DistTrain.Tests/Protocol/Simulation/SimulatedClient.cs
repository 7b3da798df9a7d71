using DistTrain.Protocol;

namespace DistTrain.Tests.Simulation;

/// <summary>Sends control commands again until they are answered; what was acknowledged must be in the register for ever.</summary>
internal sealed class SimulatedClient(World world)
{
    private readonly Dictionary<string, Control> _open = [];
    private int _number;

    internal List<Control> Acknowledged { get; } = [];

    internal void Command(ControlKind kind, double value)
    {
        var control = new Control($"command-{++_number}", kind, value);
        _open[control.Id] = control;
        Send(control);
    }

    private void Send(Control control)
    {
        if (world.IsOver || !_open.ContainsKey(control.Id)) return;
        world.Network.Send(new Message { Kind = MessageKind.Control, From = new Address(Role.Client, 1), To = Address.Job, Job = world.Scenario.Plan.Key, Payload = control });
        world.After(60, () => Send(control));
    }

    internal void Answered(in Message message)
    {
        if (message.Payload is not Control control) world.Violate($"a control is refused: {message.Text}");
        else if (_open.Remove(control.Id)) Acknowledged.Add(control);
    }
}
