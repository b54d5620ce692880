//! Logs: one line for each step of a protocol, with fields, without secrets and query strings.

use std::fmt;

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::{Clock as _, SystemClock};

#[cfg(feature = "otel")]
mod traces;

/// Keeps the writers of log and traces alive. When dropped, what is left is written.
#[derive(Debug)]
pub struct Guard {
    _log: tracing_appender::non_blocking::WorkerGuard,
    #[cfg(feature = "otel")]
    _traces: Option<traces::Sending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: time, what happened, the fields that matter.
    Text,
    /// For machines: JSON lines.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Warnings and errors.
    Warnings,
    /// Also each step of a protocol.
    Steps,
    /// Also what changes nothing.
    All,
}

/// Writing a log never holds up a request: when the reader is slow, lines are dropped and counted.
pub fn start(format: Format, detail: Detail) -> Guard {
    // The lines of a moment go out together: the writer flushes when no more are waiting.
    let out = std::io::BufWriter::with_capacity(64 * 1024, std::io::stdout());
    let (writer, log) = tracing_appender::non_blocking(out);
    let level = match detail {
        Detail::Warnings => LevelFilter::WARN,
        Detail::Steps => LevelFilter::INFO,
        Detail::All => LevelFilter::DEBUG,
    };
    // The libraries below say little that helps, and some of them say what must not be logged.
    let targets = Targets::new().with_target("nod", level).with_default(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match format {
        Format::Text => lines.event_format(Line).boxed(),
        Format::Json => lines.json().flatten_event(true).with_target(false).with_current_span(false).boxed(),
    };
    #[cfg(not(feature = "otel"))]
    let result = tracing_subscriber::registry().with(targets).with(lines).try_init();
    // Traces have more spans than the log says anything of.
    #[cfg(feature = "otel")]
    let (layer, sending) = traces::layer().unzip();
    #[cfg(feature = "otel")]
    let result = {
        let spans = Targets::new().with_target("nod", LevelFilter::DEBUG);
        tracing_subscriber::registry().with(lines.with_filter(targets)).with(layer.with_filter(spans)).try_init()
    };
    // Only a second start in one process fails, and then the first one's logger serves.
    drop(result);
    Guard {
        _log: log,
        #[cfg(feature = "otel")]
        _traces: sending,
    }
}

/// `12:04:01  bc-authorize accepted      client.id=shop request.id=...`
struct Line;

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Line {
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let now = i128::from(SystemClock.now().millis()) * 1_000_000;
        let at = time::OffsetDateTime::from_unix_timestamp_nanos(now).ok().and_then(|now| now.format(TIME).ok());
        let mark = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            _ => "",
        };
        let what = format!("{mark}{}", parts.message);
        write!(writer, "{}  {what:<26}{}", at.unwrap_or_default(), parts.fields)?;
        // The request that it belongs to.
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            match span.extensions().get::<FormattedFields<N>>() {
                Some(fields) if !fields.is_empty() => write!(writer, "  {fields}")?,
                Some(_) | None => {}
            }
        }
        writeln!(writer)
    }
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Parts {
    fn add(&mut self, field: &Field, value: &str) {
        // One event, one line, whatever a field holds.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1024).collect();
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push_str("  ");
            self.fields.push_str(field.name());
            self.fields.push('=');
            self.fields.push_str(&value);
        }
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}
