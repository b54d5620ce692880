//! The context of a trace, in and out: `traceparent` [W3C Trace Context §3.2]. Without the feature `otel`
//! there are no traces, and these do nothing.
//!
//! Of what a caller sends, its trace is continued; its `tracestate` and baggage are not: they would be
//! sent on to others.

use http::HeaderMap;
use tracing::Span;

/// Makes `span` a part of the caller's trace, and says what it is.
pub fn received(span: &Span, headers: &HeaderMap, name: &'static str) {
    #[cfg(feature = "otel")]
    on::received(span, headers, name);
    #[cfg(not(feature = "otel"))]
    let _ = (span, headers, name);
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
    use tracing::Span;
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

    pub(super) fn received(span: &Span, headers: &HeaderMap, name: &'static str) {
        span.record("otel.name", name).record("otel.kind", "server");
        let context = TraceContextPropagator::new().extract(&Received(headers));
        // Where nobody collects traces, there is nothing to continue.
        let _ = span.set_parent(context);
    }

    pub(super) fn sent(headers: &mut HeaderMap) {
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Sent(headers));
    }
}
