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

use crate::call::{person, question, request_id};
use crate::clock::{Clock as _, SystemClock};

fn now() -> Option<OffsetDateTime> {
    let now = i128::from(SystemClock.now().millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(now).ok()
}

/// `12:04:01  bc-authorize      shop → alice  question 5a1cf09d  expires_in=120  200`
pub(super) struct Text {
    /// With the user names of people.
    pub(super) names: bool,
    /// With the identifiers of requests, by which those who send them find their lines.
    pub(super) request_ids: bool,
}

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
        write!(writer, "{}  {what:<15}", at.unwrap_or_default())?;
        let person = person().filter(|_| self.names);
        match (parts.client, person) {
            (Some(client), Some(person)) => write!(writer, "  {client} → {}", one_line(&person))?,
            (Some(client), None) => write!(writer, "  {client}")?,
            (None, Some(person)) => write!(writer, "  {}", one_line(&person))?,
            (None, None) => {}
        }
        if let Some(question) = parts.question.or_else(|| Some(short(&question()?.to_string()))) {
            write!(writer, "  question {question}")?;
        }
        write!(writer, "{}", parts.fields)?;
        if let Some(status) = parts.status {
            write!(writer, "  {status}")?;
        }
        if let Some(id) = request_id().filter(|_| self.request_ids) {
            write!(writer, "  http.request_id={id}")?;
        }
        writeln!(writer)
    }
}

/// One event, one line, whatever a field holds.
fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1024).collect()
}

/// The end of a UUID tells those of one evening apart; the beginning may be the time.
fn short(uuid: &str) -> String {
    uuid.get(uuid.len().saturating_sub(8)..).unwrap_or(uuid).to_owned()
}

/// What the fields of an event are on a line for people. Those that most events have go without their names.
#[derive(Default)]
struct Parts {
    message: String,
    client: Option<String>,
    question: Option<String>,
    status: Option<String>,
    fields: String,
}

impl Parts {
    fn add(&mut self, field: &Field, value: &str) {
        let value = one_line(value);
        // A string takes what is written to it.
        let _ = match field.name() {
            "message" => return self.message = value,
            "client.id" => return self.client = Some(value),
            QUESTION => return self.question = Some(short(&value)),
            "status" => return self.status = Some(value),
            "device.id" => write!(self.fields, "  device {}", short(&value)),
            "user.id" => write!(self.fields, "  user {}", short(&value)),
            "notification.id" => write!(self.fields, "  notification {}", short(&value)),
            "error" | "outcome" | "page" => write!(self.fields, "  {value}"),
            "detail" if value.is_empty() => return,
            "detail" => write!(self.fields, ": {value}"),
            name => write!(self.fields, "  {name}={value}"),
        };
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
        let mut line = Members { text: String::with_capacity(256), names_question: false };
        line.text.push('{');
        line.text("timestamp", &at);
        line.text("level", event.metadata().level().as_str());
        event.record(&mut line);
        if let Some(id) = request_id() {
            line.text("http.request_id", &id);
        }
        if let Some(question) = question().filter(|_| !line.names_question) {
            line.text(QUESTION, &question.to_string());
        }
        writeln!(writer, "{}}}", line.text)
    }
}

const QUESTION: &str = "request.id";

/// The members of an object that are written so far.
struct Members {
    text: String,
    names_question: bool,
}

impl Members {
    /// What can be a string is one, with all that JSON escapes: the line breaks among it.
    fn text(&mut self, name: &str, value: &str) {
        self.plain(name, format_args!("{}", serde_json::Value::from(value)));
    }

    /// What is JSON already.
    fn plain(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.names_question |= name == QUESTION;
        // Names are ours. A string takes what is written to it.
        let _ = write!(self.text, "\"{name}\":{value}");
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

    fn for_people(text: Text) -> impl FnOnce(Kept) -> tracing::subscriber::DefaultGuard {
        |kept| {
            let lines = tracing_subscriber::fmt().with_writer(move || kept.clone()).event_format(text);
            tracing::subscriber::set_default(lines.finish())
        }
    }

    #[test]
    fn a_line_for_people_is_one_line() {
        let text = written(for_people(Text { names: true, request_ids: true }));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("  warning: went wrong  here  sh\"op   early=true: Some(\"x\")  400"), "{text}");
    }

    #[tokio::test]
    async fn a_line_for_people_says_who_asks_whom_and_what_came_of_it() {
        for (names, request_ids, line) in [
            (true, false, "poll             shop → al ice  question 14174000  authorization_pending  400"),
            (false, true, "poll             shop  question 14174000  authorization_pending  400  http.request_id=mine"),
        ] {
            let kept = Kept::default();
            let guard = for_people(Text { names, request_ids })(kept.clone());
            crate::call::under(Some(http::HeaderValue::from_static("mine")), async {
                crate::call::about("123e4567-e89b-12d3-a456-426614174000".parse().unwrap());
                crate::call::about_person("al\nice");
                tracing::info!(client.id = "shop", error = "authorization_pending", status = 400_u16, "poll");
            })
            .await;
            drop(guard);
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.split_once("  ").unwrap().1, format!("{line}\n"));
        }
    }

    #[tokio::test]
    async fn a_line_names_its_request() {
        let kept = Kept::default();
        let own = kept.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || own.clone()).event_format(Json);
        let _guard = tracing::subscriber::set_default(lines.finish());
        crate::call::under(Some(http::HeaderValue::from_static("mine")), async {
            tracing::info!("inside");
            crate::call::about("123e4567-e89b-12d3-a456-426614174000".parse().unwrap());
            crate::call::about_person("alice");
            tracing::info!("about somebody");
            tracing::info!(request.id = "another", "said already");
        })
        .await;
        tracing::info!("outside");
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let named: Vec<bool> = text.lines().map(|line| line.contains(r#""http.request_id":"mine""#)).collect();
        assert_eq!(named, [true, true, true, false], "{text}");
        let about: Vec<usize> = text.lines().map(|line| line.matches(r#""request.id":"#).count()).collect();
        assert_eq!(about, [0, 1, 1, 0], "{text}");
        assert!(!text.contains("alice"), "people are real where logs are for machines: {text}");
    }
}
