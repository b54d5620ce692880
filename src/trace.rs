//! The context of a trace, in and out: `traceparent` [W3C Trace Context §3.2]. Where nobody collects traces,
//! or without the feature `otel`, no span is made: one costs as much as a tenth of a small request.
//!
//! Of what a caller sends, its trace is continued; its `tracestate` and baggage are not: they would be
//! sent on to others.

use http::{HeaderMap, HeaderValue};
use tracing::Span;

/// The target of the spans of requests: off, unless somebody collects them.
pub const REQUEST: &str = "nod::request";

/// The span of a request, as a part of the caller's trace; `name` is what it asks for.
pub fn received(id: Option<&HeaderValue>, headers: &HeaderMap, name: &'static str) -> Span {
    #[cfg(feature = "otel")]
    return on::received(id, headers, name);
    #[cfg(not(feature = "otel"))]
    {
        let _ = (id, headers, name);
        Span::none()
    }
}

/// Tells the one who is called which trace this belongs to.
pub fn sent(headers: &mut HeaderMap) {
    #[cfg(feature = "otel")]
    on::sent(headers);
    #[cfg(not(feature = "otel"))]
    let _ = headers;
}

#[cfg(feature = "otel")]
mod on {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::{Span, error_span};
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    const TRACEPARENT: &str = "traceparent";

    struct Received<'h>(&'h HeaderMap);

    impl Extractor for Received<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            let mut values = self.0.get_all(TRACEPARENT).iter();
            // More than one is none: nobody could say which [W3C Trace Context §3.2].
            let only = values.next().filter(|_| values.next().is_none());
            only.filter(|_| key == TRACEPARENT)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            vec![TRACEPARENT]
        }
    }

    struct Sent<'h>(&'h mut HeaderMap);

    impl Injector for Sent<'_> {
        fn set(&mut self, key: &str, value: String) {
            if let (TRACEPARENT, Ok(value)) = (key, HeaderValue::try_from(value)) {
                self.0.insert(HeaderName::from_static(TRACEPARENT), value);
            }
        }
    }

    pub(super) fn received(id: Option<&HeaderValue>, headers: &HeaderMap, name: &'static str) -> Span {
        let id = id.and_then(|id| id.to_str().ok());
        // At the highest level: spans of all levels are in it.
        let span = error_span!(target: super::REQUEST, "request", http.request_id = id, otel.name = name, otel.kind = "server");
        if !span.is_disabled() {
            let context = TraceContextPropagator::new().extract(&Received(headers));
            // Fails where something else than our traces has asked for the span.
            let _ = span.set_parent(context);
        }
        span
    }

    pub(super) fn sent(headers: &mut HeaderMap) {
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Sent(headers));
    }
}
