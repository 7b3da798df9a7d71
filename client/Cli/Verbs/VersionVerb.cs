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
    public static string Number => typeof(VersionVerb).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
