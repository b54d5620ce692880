//! Logs: one line for each step of a protocol, with fields, without secrets and query strings.

use std::io::{self, BufWriter, Write, stdout};
use std::time::Duration;

use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::call::POLL;
use crate::metrics::metrics;
use crate::trace::REQUEST;

mod lines;
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
    /// For people: time, what happened, who with whom, what came of it.
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
    /// Also polls that find no answer yet: the steps of somebody who looks on.
    Polls,
    /// Also what changes nothing.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Whose people are real: their names stay out of the log.
    Operator,
    /// Who made the people up.
    Developer,
}

/// Lines that may wait for whoever reads the log: some megabytes. What comes after them is dropped.
const LINES: usize = 8192;

/// How long the writer of the log rests after each time it has written.
const REST: Duration = Duration::from_millis(5);

/// Writes at once what comes after a rest, and rests then. A line that is made meanwhile wakes nobody:
/// waking the writer for each costs as much as making the line.
struct Unhurried<W>(W);

impl<W: Write> Write for Unhurried<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        std::thread::sleep(REST);
        Ok(())
    }
}

/// Writing a log never holds up a request: when the reader is slow, lines are dropped and counted.
pub fn start(format: Format, detail: Detail, reader: Reader) -> Guard {
    // The lines of a moment go out together: the writer flushes when no more are waiting.
    let out = BufWriter::with_capacity(64 * 1024, stdout());
    let (writer, log) = NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(Unhurried(out));
    let counted = writer.error_counter();
    metrics().counts_dropped_lines(move || counted.dropped_lines());
    let level = match detail {
        Detail::Warnings => LevelFilter::WARN,
        Detail::Steps | Detail::Polls => LevelFilter::INFO,
        Detail::All => LevelFilter::DEBUG,
    };
    let polls = if detail == Detail::Polls { LevelFilter::DEBUG } else { level };
    // The libraries below say little that helps, and some of them say what must not be logged.
    let targets = Targets::new().with_target("nod", level).with_target(POLL, polls).with_default(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match format {
        Format::Text => {
            let text = lines::Text { names: reader == Reader::Developer, request_ids: detail == Detail::All };
            lines.event_format(text).boxed()
        }
        Format::Json => lines.event_format(lines::Json).boxed(),
    };
    let registry = tracing_subscriber::registry();
    // Only a second start in one process fails, and then the first one's logger serves.
    #[cfg(feature = "otel")]
    if let Some((layer, sending)) = traces::layer() {
        // Traces have more spans than the log says anything of.
        let spans = Targets::new().with_target("nod", LevelFilter::DEBUG);
        let _ = registry.with(lines.with_filter(targets)).with(layer.with_filter(spans)).try_init();
        return Guard { _log: log, _traces: Some(sending) };
    }
    let _ = registry.with(lines).with(targets.with_target(REQUEST, LevelFilter::OFF)).try_init();
    Guard {
        _log: log,
        #[cfg(feature = "otel")]
        _traces: None,
    }
}
