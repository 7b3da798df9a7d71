using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DistTrain.Silo;

/// <summary>Metrics and traces over OTLP, where OTEL_EXPORTER_OTLP_ENDPOINT says where to. The other OTEL_ variables hold as OpenTelemetry defines them.</summary>
internal static class Telemetry
{
    public static void Add(IServiceCollection services, SiloSettings settings)
    {
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is not { Length: > 0 }) return;
        services.AddHostedService(_ => new Exporter(settings));
    }

    private sealed class Exporter(SiloSettings settings) : IHostedService
    {
        private MeterProvider? _metrics;
        private TracerProvider? _traces;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            var resource = ResourceBuilder.CreateDefault().AddService("disttrain-silo", serviceNamespace: settings.Cluster, serviceInstanceId: settings.Name).AddEnvironmentVariableDetector();
            _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter("DistTrain", "Microsoft.Orleans", "System.Runtime").AddOtlpExporter().Build();
            _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource("DistTrain", "Microsoft.Orleans.Runtime", "Microsoft.Orleans.Application", "Microsoft.Orleans.Lifecycle", "Microsoft.Orleans.Storage").AddOtlpExporter().Build();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            _metrics?.Dispose();
            _traces?.Dispose();
            return Task.CompletedTask;
        }
    }
}
