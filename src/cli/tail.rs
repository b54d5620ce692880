//! `nod tail`: follows the audit trail.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::identifier::plain;
use crate::cli::listing::Format;
use crate::cli::opened::Opened;
use crate::cli::serve::stopped;
use crate::cli::terminal::{Ink, Terminal, safe};
use crate::config::parse_duration;
use crate::store::ephemeral::StoreError;
use crate::store::sql::trail::{Recorded, Trail};

/// Follow what happens: the events of the audit trail
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod tail --since 10m
  nod tail --filter 'type=request.*' --filter client=shop
  nod tail --json --filter result=refused | jq .reason

A filter compares type, result, client, user, device or request; * stands for any characters. All
filters must fit.")]
pub(super) struct Arguments {
    /// Only what fits: type=request.*, result=refused, client=, user=, device=, request=
    #[arg(long = "filter", value_name = "NAME=PATTERN", value_parser = filter)]
    filters: Vec<Filter>,
    /// Begin this long ago (30s, 10m, 2h, 7d) instead of now
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
    /// End when everything that is there was told
    #[arg(long)]
    no_follow: bool,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Debug)]
struct Filter {
    name: &'static str,
    pattern: String,
}

const NAMES: [&str; 6] = ["type", "result", "client", "user", "device", "request"];

fn filter(text: &str) -> Result<Filter, String> {
    let wrong = || format!("write NAME=PATTERN, where NAME is one of {}", NAMES.join(", "));
    let (name, pattern) = text.split_once('=').ok_or_else(wrong)?;
    let name = NAMES.into_iter().find(|known| *known == name).ok_or_else(wrong)?;
    Ok(Filter { name, pattern: plain(name, pattern) })
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write 30s, 10m, 2h or 7d".to_owned())
}

const PAUSE: Duration = Duration::from_millis(300);
const BATCH: u32 = 500;

pub(super) async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let opened = Opened::new(&arguments.place).await?;
    let now = opened.clock.now();
    let trail = Trail::new(opened.database.clone());
    let from = now - arguments.since.unwrap_or_default();
    let told = trail.place_before(from).await?;
    let mut tail = Tail { arguments, opened: &opened, trail, told, out: Terminal::stdout() };
    let ended = stopped();
    tokio::pin!(ended);
    let mut away = false;
    loop {
        match tail.step().await {
            Ok(()) => away = false,
            Err(Failed::Output(error)) => return Err(error),
            Err(Failed::Store(error)) if arguments.no_follow => return Err(error.into()),
            // It comes back; once is enough to say.
            Err(Failed::Store(error)) if !away => {
                away = true;
                Exit::unreachable(format!("{error}; trying again")).warn();
            }
            Err(Failed::Store(_)) => {}
        }
        if arguments.no_follow {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = &mut ended => return Ok(()),
        }
    }
}

struct Tail<'a> {
    arguments: &'a Arguments,
    opened: &'a Opened,
    trail: Trail,
    /// The last event that was told or left out.
    told: i64,
    out: Terminal<std::io::Stdout>,
}

enum Failed {
    Store(StoreError),
    Output(Exit),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Tail<'_> {
    async fn step(&mut self) -> Result<(), Failed> {
        loop {
            let events = self.trail.follow(self.told, BATCH).await?;
            let full = events.len() >= BATCH as usize;
            for event in events {
                if self.fits(&event) {
                    self.tell(&event).await.map_err(Failed::Output)?;
                }
                self.told = event.seq;
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn fits(&self, event: &Recorded) -> bool {
        self.arguments.filters.iter().all(|filter| {
            let found = match filter.name {
                "type" => Some(event.action.clone()),
                "result" => Some(event.result.clone()),
                "client" => event.client.clone(),
                "user" => event.user.map(|id| id.to_string()),
                "device" => event.device.map(|id| id.to_string()),
                _ => event.request.map(|id| id.to_string()),
            };
            found.is_some_and(|found| matches(&filter.pattern, &found))
        })
    }

    async fn tell(&mut self, event: &Recorded) -> Result<(), Exit> {
        if self.arguments.format.is_json() {
            return Ok(self.out.line(object(event))?);
        }
        let action = format!("{:<20}", event.action);
        let refused = event.result != "done";
        let action = self.out.paint(if refused { Ink::Bad } else { Ink::Strong }, &action);
        let mut line = format!("{:<24}  {action}  {:<7}", event.at.to_string(), event.result);
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(line, "  {name} {}", safe(&value));
            }
        };
        add("client", event.client.clone());
        let user = match event.user {
            // A name says more, as long as there is the person.
            Some(id) => self.opened.directory.user(&id).await.ok().flatten(),
            None => None,
        };
        add("user", user.map(|user| user.username.clone()).or_else(|| event.user.map(|id| id.to_string())));
        add("device", event.device.map(|id| id.to_string()));
        add("request", event.request.map(|id| id.to_string()));
        add("by", event.actor.clone());
        add("because", event.reason.clone());
        Ok(self.out.line(line.trim_end())?)
    }
}

fn object(event: &Recorded) -> Value {
    json!({
        "id": event.id,
        "at": event.at.to_string(),
        "type": event.action,
        "result": event.result,
        "reason": event.reason,
        "client": event.client,
        "user": event.user,
        "device": event.device,
        "request": event.request,
        "actor": event.actor,
    })
}

/// `*` stands for any characters, none included.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, fits) in [
            ("request.*", "request.created", true),
            ("request.*", "token.refreshed", false),
            ("*.created", "request.created", true),
            ("*.created", "request.created.x", false),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxc", false),
            ("shop", "shop", true),
            ("shop", "shop2", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
        assert!(filter("colour=red").is_err() && filter("type").is_err());
    }
}
