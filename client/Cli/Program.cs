using DistTrain.Cli;

return await DistTrainCommand.RunAsync(args, Console.Out, Console.Error);
