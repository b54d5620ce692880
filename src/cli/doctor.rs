//! `nod doctor`: looks at a deployment from inside and outside, and changes nothing.

mod called;
mod certificate;
mod inside;
mod mail;
mod outside;

use std::time::Duration;

use clap::Args;
use nod_device::Issuer;
use serde_json::{Value, json};

use crate::cli::Settings;
use crate::cli::exit::{Exit, Why};
use crate::cli::terminal::{Ink, Terminal, safe, say};
use crate::config::{Loaded, Reading};

/// Look at a deployment: configuration, stores, keys, and the server from outside
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod doctor -c nod.toml
  nod doctor https://id.example.com --json
  nod doctor --offline

It ends with 0 when nothing is wrong (! is worth a look), 4 when something cannot be reached, and 1
when something else is wrong. It writes nothing, and needs no server that runs.")]
pub(super) struct Arguments {
    /// Where the server can be reached [default: the issuer of the configuration]
    #[arg(value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Leave out what needs a running server: this one, or whom it tells
    #[arg(long, conflicts_with = "url")]
    offline: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// All checks together take no longer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// Works, and should be looked at.
    Odd,
    Wrong,
    Unreachable,
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    what: String,
}

#[derive(Debug, Default)]
struct Findings(Vec<Check>);

impl Findings {
    fn add(&mut self, name: &'static str, state: State, what: impl Into<String>) {
        self.0.push(Check { name, state, what: what.into() });
    }

    fn good(&mut self, name: &'static str, what: impl Into<String>) {
        self.add(name, State::Good, what);
    }

    fn odd(&mut self, name: &'static str, what: impl Into<String>) {
        self.add(name, State::Odd, what);
    }

    fn wrong(&mut self, name: &'static str, what: impl Into<String>) {
        self.add(name, State::Wrong, what);
    }

    fn unreachable(&mut self, name: &'static str, what: impl Into<String>) {
        self.add(name, State::Unreachable, what);
    }

    fn why(&self) -> Option<Why> {
        let has = |state| self.0.iter().any(|check| check.state == state);
        if has(State::Unreachable) { Some(Why::Unreachable) } else { has(State::Wrong).then_some(Why::Failed) }
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let mut findings = Findings::default();
    if tokio::time::timeout(PATIENCE, examine(&arguments, &mut findings)).await.is_err() {
        findings.unreachable("time", format!("not done after {} s", PATIENCE.as_secs()));
    }
    let why = findings.why();
    if arguments.json {
        say(&json(&findings, why).to_string());
    } else {
        print(&findings)?;
    }
    why.map_or(Ok(()), |why| Err(Exit::told(why)))
}

async fn examine(arguments: &Arguments, findings: &mut Findings) {
    let sources = arguments.settings.sources();
    let nothing_given = sources.files.is_empty() && sources.flags.is_empty();
    let loaded = if nothing_given && arguments.url.is_some() {
        // Somebody else's server: only what is seen from outside.
        None
    } else {
        match Reading::new(&sources).usable() {
            Ok(loaded) => {
                configuration(&loaded, findings);
                Some(loaded)
            }
            Err(reading) => {
                for problem in &reading.all_problems() {
                    let at = problem.at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
                    findings.wrong("configuration", format!("{}  {}{at}", problem.code.as_str(), problem.message));
                }
                None
            }
        }
    };
    let (keys, database) = match &loaded {
        Some(loaded) => inside::look(loaded, findings).await,
        None => (Vec::new(), None),
    };
    if let Some(loaded) = &loaded {
        mail::look(loaded, findings).await;
    }
    if let (Some(loaded), Some(database), false) = (&loaded, &database, arguments.offline) {
        called::look(loaded, database, findings).await;
    }
    let issuer = arguments.url.clone().or_else(|| loaded.as_ref().map(|loaded| loaded.config.issuer.clone()));
    let (Some(address), false) = (issuer, arguments.offline) else { return };
    match Issuer::parse(&address) {
        Ok(address) => outside::look(&address, loaded.as_ref(), &keys, findings).await,
        Err(error) => findings.wrong("issuer", format!("{address}: {error}")),
    }
}

fn configuration(loaded: &Loaded, findings: &mut Findings) {
    let files: Vec<_> = loaded.values.files.iter().map(|file| file.display().to_string()).collect();
    let files = if files.is_empty() { "the environment".to_owned() } else { files.join(", ") };
    findings.good("configuration", format!("{files}: nothing is wrong"));
    for refusal in &loaded.refusals {
        let help = refusal.help.as_ref().map(|help| format!(": {help}")).unwrap_or_default();
        findings.wrong("production", format!("{}  {}{help}", refusal.code.as_str(), refusal.message));
    }
    for danger in super::posture::dangers(loaded) {
        findings.odd("production", format!("{danger} is set"));
    }
}

fn print(findings: &Findings) -> Result<(), Exit> {
    let mut terminal = Terminal::stdout();
    let width = findings.0.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in &findings.0 {
        let (sign, ink) = match check.state {
            State::Good => ("✓", Ink::Good),
            State::Odd => ("!", Ink::Strong),
            State::Wrong | State::Unreachable => ("✗", Ink::Bad),
        };
        let sign = terminal.paint(ink, sign);
        terminal.line(format!("{sign} {:<width$}  {}", check.name, safe(&check.what)))?;
    }
    Ok(())
}

fn json(findings: &Findings, why: Option<Why>) -> Value {
    let word = |state| match state {
        State::Good => "good",
        State::Odd => "odd",
        State::Wrong => "wrong",
        State::Unreachable => "unreachable",
    };
    let check = |check: &Check| json!({ "check": check.name, "state": word(check.state), "what": check.what });
    let checks: Vec<_> = findings.0.iter().map(check).collect();
    json!({ "ok": why.is_none(), "exit": why.map_or(0, Why::code), "checks": checks })
}
