using DistTrain.Silo;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.Out.WriteLine("disttrain-silo: one silo of a training cluster. Options, each also in the environment:");
    foreach (var setting in Setting.All)
        Console.Out.WriteLine($"  --{setting.Name,-18} {setting.Variable,-28} {setting.Text}{(setting.Default.Length > 0 ? $" [{setting.Default}]" : "")}");
    return 0;
}
var (settings, problems) = SettingsReader.Read(args, Environment.GetEnvironmentVariable);
if (settings is null)
{
    foreach (var problem in problems) await Console.Error.WriteLineAsync($"error: {problem}").ConfigureAwait(false);
    return 2;
}
return await SiloHost.RunAsync(settings, Console.Out, Console.Error).ConfigureAwait(false);
