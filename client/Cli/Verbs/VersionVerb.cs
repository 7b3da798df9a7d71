using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace DistTrain.Cli;

internal static class VersionVerb
{
    public static Command Make()
    {
        var output = SharedOptions.Output();
        var verb = new Verb("version", "Prints the version.", "disttrain version -o json") { output };
        verb.SetAction(parse =>
        {
            var terminal = parse.Terminal(output);
            if (terminal.Json) terminal.WriteJson(new JsonObject { ["version"] = Number, ["runtime"] = RuntimeInformation.FrameworkDescription, ["platform"] = RuntimeInformation.RuntimeIdentifier });
            else terminal.Out.WriteLine($"disttrain {Number} ({RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier})");
            return ExitCode.Ok;
        });
        return verb;
    }

    /// <summary>Without the build's suffix.</summary>
    public static string Number => Of(typeof(VersionVerb).Assembly);

    /// <summary>As its author names it, without the build's suffix; some leave the assembly's own version at 0.</summary>
    public static string Of(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? assembly.GetName().Version!.ToString(3);
}
