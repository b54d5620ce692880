//! What is counted, for Prometheus. Every label is one of a few words that are written here: nothing
//! that comes from outside can become one.
//!
//! One set for the process, since that is what Prometheus looks at. A value that is kept somewhere
//! anyway is not counted twice, but read when somebody asks ([`Metrics::text`]).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

mod process;
mod words;

pub use self::words::{Decided, Delivered, Endpoint, EphemeralCall, Limit, Outcome, PollAnswer, SqlCall};

type Label = [(&'static str, &'static str); 1];
type Timed = Family<Label, Histogram, fn() -> Histogram>;

/// Waits of machines, in seconds.
const CALLS: [f64; 13] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
const REQUESTS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Waits of people, in seconds.
const PEOPLE: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0];
const GROUPS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// How many rows wait, and how long the oldest has; without an answer of the database, both are "not a number".
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlogs {
    pub decisions: Option<(u64, Duration)>,
    pub logouts: Option<(u64, Duration)>,
    pub pings: Option<(u64, Duration)>,
    pub letters: Option<(u64, Duration)>,
    pub texts: Option<(u64, Duration)>,
    pub pushes: Option<(u64, Duration)>,
    pub webhooks: Option<(u64, Duration)>,
}

/// What waits to be told to somebody.
#[derive(Default)]
struct Waiting {
    rows: Gauge<f64, AtomicU64>,
    age: Gauge<f64, AtomicU64>,
}

impl Waiting {
    fn registered(&self, to: &mut Registry, what: &str, rows: &str, oldest: &str) {
        to.register(format!("{what}_rows"), rows, self.rows.clone());
        to.register_with_unit(format!("{what}_oldest"), oldest, Unit::Seconds, self.age.clone());
    }

    fn set(&self, answer: Option<(u64, Duration)>) {
        self.rows.set(answer.map_or(f64::NAN, |(rows, _)| f64::from(u32::try_from(rows).unwrap_or(u32::MAX))));
        self.age.set(answer.map_or(f64::NAN, |(_, age)| age.as_secs_f64()));
    }
}

pub struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    request_seconds: Timed,
    pub connections: Gauge,
    decisions: Family<Label, Counter>,
    time_to_approve: Histogram,
    polls: Family<Label, Counter>,
    pub held_polls: Gauge,
    pub live_channels: Gauge,
    ephemeral_seconds: Timed,
    ephemeral_errors: Family<Label, Counter>,
    sql_seconds: Timed,
    sql_errors: Family<Label, Counter>,
    ledger_group: Histogram,
    ledger_failures: Counter,
    waiting_decisions: Waiting,
    waiting_logouts: Waiting,
    pings: Family<Label, Counter>,
    waiting_pings: Waiting,
    pushes: Family<Label, Counter>,
    waiting_pushes: Waiting,
    waiting_letters: Waiting,
    waiting_texts: Waiting,
    webhook_deliveries: Family<Label, Counter>,
    waiting_webhooks: Waiting,
    limits: Family<Label, Counter>,
    log_lines_dropped: Counter,
    log: OnceLock<Box<dyn Fn() -> usize + Send + Sync>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Those of this process.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUESTS)),
            connections: Gauge::default(),
            decisions: Family::default(),
            time_to_approve: Histogram::new(PEOPLE),
            polls: Family::default(),
            held_polls: Gauge::default(),
            live_channels: Gauge::default(),
            ephemeral_seconds: Family::new_with_constructor(|| Histogram::new(CALLS)),
            ephemeral_errors: Family::default(),
            sql_seconds: Family::new_with_constructor(|| Histogram::new(CALLS)),
            sql_errors: Family::default(),
            ledger_group: Histogram::new(GROUPS),
            ledger_failures: Counter::default(),
            waiting_decisions: Waiting::default(),
            waiting_logouts: Waiting::default(),
            pings: Family::default(),
            waiting_pings: Waiting::default(),
            pushes: Family::default(),
            waiting_pushes: Waiting::default(),
            waiting_letters: Waiting::default(),
            waiting_texts: Waiting::default(),
            webhook_deliveries: Family::default(),
            waiting_webhooks: Waiting::default(),
            limits: Family::default(),
            log_lines_dropped: Counter::default(),
            log: OnceLock::new(),
            registry: Registry::default(),
        };
        metrics.begin_with_zeros();
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        self.registry.register_collector(Box::new(process::Process));
        let to = self.registry.sub_registry_with_prefix("nod");
        to.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        to.register("http_requests", "Requests, by endpoint and outcome", self.requests.clone());
        to.register_with_unit(
            "http_request_duration",
            "From the head of a request to the answer, without the time for which a poll is held",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        to.register("http_connections", "Open connections", self.connections.clone());
        to.register("decisions", "Decisions that were committed here", self.decisions.clone());
        to.register_with_unit(
            "time_to_approve",
            "From a request to its approval",
            Unit::Seconds,
            self.time_to_approve.clone(),
        );
        to.register("polls", "Polls of the token endpoint, by answer", self.polls.clone());
        to.register("held_polls", "Polls that are held now", self.held_polls.clone());
        to.register("live_channels", "Live channels of devices that are open now", self.live_channels.clone());
        to.register_with_unit(
            "ephemeral_call_duration",
            "Calls of the ephemeral store",
            Unit::Seconds,
            self.ephemeral_seconds.clone(),
        );
        to.register(
            "ephemeral_errors",
            "Calls of the ephemeral store that gave no answer",
            self.ephemeral_errors.clone(),
        );
        to.register_with_unit(
            "sql_call_duration",
            "Statements by themselves, and transactions from begin to commit",
            Unit::Seconds,
            self.sql_seconds.clone(),
        );
        to.register("sql_errors", "Calls of the database that gave no answer", self.sql_errors.clone());
        to.register(
            "ledger_group_size",
            "Decisions, grants and notes that were committed together",
            self.ledger_group.clone(),
        );
        to.register("ledger_failures", "Groups that could not be committed", self.ledger_failures.clone());
        self.waiting_decisions.registered(
            to,
            "outbox",
            "Rows that wait in the outbox, of all nodes",
            "How long the oldest row of the outbox has waited",
        );
        self.waiting_logouts.registered(
            to,
            "logout",
            "Ended sessions that a client waits to hear of, of all nodes",
            "How long a client has waited to hear of an ended session",
        );
        to.register("pings", "Tries to tell clients of decisions, by what came of them", self.pings.clone());
        self.waiting_pings.registered(
            to,
            "ping",
            "Clients that wait to be told of a decision, of all nodes",
            "How long a client has waited to be told of a decision",
        );
        to.register("pushes", "Tries to tell a phone of a question, by what came of them", self.pushes.clone());
        self.waiting_pushes.registered(
            to,
            "push",
            "Pushes to phones that wait, of all nodes",
            "How long the oldest push has waited",
        );
        self.waiting_letters.registered(
            to,
            "letter",
            "Letters to people that wait, of all nodes",
            "How long the oldest letter has waited",
        );
        self.waiting_texts.registered(
            to,
            "text",
            "Texts and calls to people that wait, of all nodes",
            "How long the oldest text or call has waited",
        );
        to.register(
            "webhook_deliveries",
            "Tries to tell a webhook, by what came of them",
            self.webhook_deliveries.clone(),
        );
        self.waiting_webhooks.registered(
            to,
            "webhook",
            "Deliveries to webhooks that wait, of all nodes",
            "How long the oldest delivery to a webhook has waited",
        );
        to.register("limits_hit", "Limits that somebody ran into", self.limits.clone());
        to.register("log_lines_dropped", "Lines of the log that nobody took in time", self.log_lines_dropped.clone());
        self
    }

    /// A rate begins with the first of its kind, and not with the second.
    fn begin_with_zeros(&self) {
        for endpoint in Endpoint::ALL {
            drop(self.request_seconds.get_or_create(&[("endpoint", endpoint.as_str())]));
            for outcome in Outcome::ALL {
                drop(self.requests.get_or_create(&[("endpoint", endpoint.as_str()), ("outcome", outcome.as_str())]));
            }
        }
        let zeros = |family: &Family<Label, Counter>, name, words: &mut dyn Iterator<Item = &'static str>| {
            words.for_each(|word| drop(family.get_or_create(&[(name, word)])));
        };
        zeros(&self.decisions, "outcome", &mut Decided::ALL.iter().map(|word| word.as_str()));
        zeros(&self.polls, "answer", &mut PollAnswer::ALL.iter().map(|word| word.as_str()));
        zeros(&self.pings, "outcome", &mut Delivered::ALL.iter().map(|word| word.as_str()));
        zeros(&self.pushes, "outcome", &mut Delivered::ALL.iter().map(|word| word.as_str()));
        zeros(&self.webhook_deliveries, "outcome", &mut Delivered::ALL.iter().map(|word| word.as_str()));
        zeros(&self.limits, "limit", &mut Limit::ALL.iter().map(|word| word.as_str()));
        zeros(&self.ephemeral_errors, "call", &mut EphemeralCall::ALL.iter().map(|word| word.as_str()));
        zeros(&self.sql_errors, "call", &mut SqlCall::ALL.iter().map(|word| word.as_str()));
        for call in EphemeralCall::ALL {
            drop(self.ephemeral_seconds.get_or_create(&[("call", call.as_str())]));
        }
        for call in SqlCall::ALL {
            drop(self.sql_seconds.get_or_create(&[("call", call.as_str())]));
        }
    }

    pub fn request(&self, endpoint: Endpoint, outcome: Outcome, took: Duration) {
        self.requests.get_or_create(&[("endpoint", endpoint.as_str()), ("outcome", outcome.as_str())]).inc();
        self.request_seconds.get_or_create(&[("endpoint", endpoint.as_str())]).observe(took.as_secs_f64());
    }

    pub fn abandoned(&self, endpoint: Endpoint) {
        let labels = [("endpoint", endpoint.as_str()), ("outcome", Outcome::Abandoned.as_str())];
        self.requests.get_or_create(&labels).inc();
    }

    /// `waited`: since the request was made.
    pub fn decided(&self, decided: Decided, waited: Duration) {
        self.decisions.get_or_create(&[("outcome", decided.as_str())]).inc();
        if decided == Decided::Approved {
            self.time_to_approve.observe(waited.as_secs_f64());
        }
    }

    pub fn polled(&self, answer: PollAnswer) {
        self.polls.get_or_create(&[("answer", answer.as_str())]).inc();
    }

    pub fn ephemeral(&self, call: EphemeralCall, took: Duration, failed: bool) {
        self.ephemeral_seconds.get_or_create(&[("call", call.as_str())]).observe(took.as_secs_f64());
        if failed {
            self.ephemeral_errors.get_or_create(&[("call", call.as_str())]).inc();
        }
    }

    pub fn sql(&self, call: SqlCall, took: Duration, failed: bool) {
        self.sql_seconds.get_or_create(&[("call", call.as_str())]).observe(took.as_secs_f64());
        if failed {
            self.sql_errors.get_or_create(&[("call", call.as_str())]).inc();
        }
    }

    pub fn group(&self, size: usize, failed: bool) {
        self.ledger_group.observe(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
        if failed {
            self.ledger_failures.inc();
        }
    }

    pub fn limited(&self, limit: Limit) {
        self.limits.get_or_create(&[("limit", limit.as_str())]).inc();
    }

    pub fn pinged(&self, delivered: Delivered) {
        self.pings.get_or_create(&[("outcome", delivered.as_str())]).inc();
    }

    pub fn pushed(&self, delivered: Delivered) {
        self.pushes.get_or_create(&[("outcome", delivered.as_str())]).inc();
    }

    pub fn webhook(&self, delivered: Delivered) {
        self.webhook_deliveries.get_or_create(&[("outcome", delivered.as_str())]).inc();
    }

    /// Whoever writes the log counts the lines that are dropped, from its beginning on.
    pub fn counts_dropped_lines(&self, dropped: impl Fn() -> usize + Send + Sync + 'static) {
        // That of the first one, as the log is.
        let _ = self.log.set(Box::new(dropped));
    }

    /// As `OpenMetrics`.
    pub fn text(&self, backlogs: &Backlogs) -> String {
        self.waiting_decisions.set(backlogs.decisions);
        self.waiting_logouts.set(backlogs.logouts);
        self.waiting_pings.set(backlogs.pings);
        self.waiting_letters.set(backlogs.letters);
        self.waiting_texts.set(backlogs.texts);
        self.waiting_pushes.set(backlogs.pushes);
        self.waiting_webhooks.set(backlogs.webhooks);
        let dropped = self.log.get().map_or(0, |dropped| dropped());
        self.log_lines_dropped.inner().fetch_max(u64::try_from(dropped).unwrap_or(u64::MAX), Ordering::Relaxed);
        let mut text = String::with_capacity(64 * 1024);
        // To a string nothing fails.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// One more, until it is dropped.
#[derive(Debug)]
pub struct OneMore(&'static Gauge);

impl OneMore {
    pub fn of(gauge: &'static Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for OneMore {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_there_from_the_beginning_and_in_the_documentation() {
        let text = Metrics::new().text(&Backlogs::default());
        let documented = include_str!("../docs/operations.md");
        let mut families = 0;
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffix = if kind == "counter" {
                "_total"
            } else if kind == "info" {
                "_info"
            } else {
                ""
            };
            let row = format!("| `{name}{suffix}` | {kind} |");
            assert!(documented.contains(&row), "docs/operations.md has no row {row}");
            families += 1;
        }
        let rows = documented.lines().filter(|line| line.starts_with("| `nod_") || line.starts_with("| `process_"));
        assert_eq!(rows.count(), families, "docs/operations.md has rows that are not there");
        for word in ["nod_polls_total{answer=\"slow_down\"} 0", "nod_limits_hit_total{limit=\"questions\"} 0"] {
            assert!(text.contains(word), "{word}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
