//! Traces to an OpenTelemetry collector, when the standard's own variables name one:
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, and the others beside them.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::outbound::otlp::Collector;

/// What is not sent yet is sent when this goes.
#[derive(Debug)]
pub(super) struct Sending(SdkTracerProvider);

impl Drop for Sending {
    fn drop(&mut self) {
        let _ = self.0.shutdown();
    }
}

pub(super) fn layer<S>() -> Option<(OpenTelemetryLayer<S, SdkTracer>, Sending)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    #[expect(clippy::disallowed_methods, reason = "the standard's own variables, which the exporter reads by itself")]
    let named = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    if !named("OTEL_EXPORTER_OTLP_ENDPOINT") && !named("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        return None;
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Collector::new()?)
        .build()
        .ok()?;
    let mut resource = Resource::builder();
    if !named("OTEL_SERVICE_NAME") {
        resource = resource.with_service_name("nod");
    }
    let provider = SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("nod"))
        // Where in the source a span begins, and on which thread, helps nobody outside.
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    Some((layer, Sending(provider)))
}
