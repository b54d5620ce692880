//! How one event is written: for people and for machines, with the request that it belongs to.

use std::fmt::{self, Write as _};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::call::request_id;
use crate::clock::{Clock as _, SystemClock};

fn now() -> Option<OffsetDateTime> {
    let now = i128::from(SystemClock.now().millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(now).ok()
}

/// `12:04:01  bc-authorize accepted      client.id=shop request.id=...`
pub(super) struct Text;

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Text {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let at = now().and_then(|now| now.format(TIME).ok());
        let mark = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            _ => "",
        };
        let what = format!("{mark}{}", parts.message);
        write!(writer, "{}  {what:<26}{}", at.unwrap_or_default(), parts.fields)?;
        if let Some(id) = request_id() {
            write!(writer, "  http.request_id={id}")?;
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

/// `{"timestamp":"2027-01-15T08:00:00.123Z","level":"INFO","message":"..","client.id":"shop","http.request_id":".."}`
pub(super) struct Json;

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Json {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let at = now().and_then(|now| now.format(TIMESTAMP).ok()).unwrap_or_default();
        let mut line = Members(String::with_capacity(256));
        line.0.push('{');
        line.text("timestamp", &at);
        line.text("level", event.metadata().level().as_str());
        event.record(&mut line);
        if let Some(id) = request_id() {
            line.text("http.request_id", &id);
        }
        writeln!(writer, "{}}}", line.0)
    }
}

/// The members of an object that are written so far.
struct Members(String);

impl Members {
    /// What can be a string is one, with all that JSON escapes: the line breaks among it.
    fn text(&mut self, name: &str, value: &str) {
        self.plain(name, format_args!("{}", serde_json::Value::from(value)));
    }

    /// What is JSON already.
    fn plain(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        // Names are ours. A string takes what is written to it.
        let _ = write!(self.0, "\"{name}\":{value}");
    }
}

impl Visit for Members {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: impl FnOnce(Kept) -> tracing::subscriber::DefaultGuard) -> String {
        let kept = Kept::default();
        let guard = format(kept.clone());
        tracing::warn!(client.id = "sh\"op\n", status = 400_u16, early = true, detail = ?Some("x"), "went wrong\r\nhere");
        drop(guard);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_for_machines_is_one_object_on_one_line() {
        let text = written(|kept| {
            let lines = tracing_subscriber::fmt().with_writer(move || kept.clone()).event_format(Json);
            tracing::subscriber::set_default(lines.finish())
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let mut line: serde_json::Value = serde_json::from_str(&text).expect(&text);
        let at = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert_eq!(at.as_str().map(|at| (at.len(), at.ends_with('Z'))), Some((24, true)));
        assert_eq!(
            line,
            serde_json::json!({
                "level": "WARN", "message": "went wrong\r\nhere", "client.id": "sh\"op\n", "status": 400, "early": true,
                "detail": "Some(\"x\")",
            })
        );
    }

    #[test]
    fn a_line_for_people_is_one_line() {
        let text = written(|kept| {
            let lines = tracing_subscriber::fmt().with_writer(move || kept.clone()).event_format(Text);
            tracing::subscriber::set_default(lines.finish())
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("  warning: went wrong  here"), "{text}");
        assert!(text.contains("  status=400  early=true"), "{text}");
    }

    #[tokio::test]
    async fn a_line_names_its_request() {
        let kept = Kept::default();
        let own = kept.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || own.clone()).event_format(Json);
        let _guard = tracing::subscriber::set_default(lines.finish());
        crate::call::under(Some(http::HeaderValue::from_static("mine")), async { tracing::info!("inside") }).await;
        tracing::info!("outside");
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let named: Vec<bool> = text.lines().map(|line| line.contains(r#""http.request_id":"mine""#)).collect();
        assert_eq!(named, [true, false], "{text}");
    }
}
