//! The exchange on the screen: one line a step, aligned, with what was checked; or one JSON object
//! a line for scripts.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::cli::exchange::Answer;
use crate::cli::exit::{Exit, Why};
use crate::cli::terminal::{Ink, Terminal, safe};

/// Where the details begin.
const DETAILS: usize = 36;
const WIDTH: usize = 116;

#[derive(Debug)]
pub(super) struct Report<W> {
    terminal: Terminal<W>,
    json: bool,
    steps: usize,
    /// Checks that failed.
    broken: Vec<String>,
}

/// One request and its answer.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    #[serde(rename = "step")]
    name: String,
    /// `None`: it was a browser that got the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(rename = "ms")]
    millis: u128,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub said: String,
    pub checks: Vec<Check>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    #[serde(rename = "check")]
    name: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(super) enum Verdict {
    Passed,
    /// The provider need not say it, and does not.
    Absent,
    Failed {
        found: String,
    },
}

/// How the person, or time, answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Approved,
    Denied,
    Expired,
    Withdrawn,
    SignedIn,
    SignedOut,
}

impl Check {
    pub(super) const fn passed(name: &'static str) -> Self {
        Self { name, verdict: Verdict::Passed }
    }

    pub(super) const fn absent(name: &'static str) -> Self {
        Self { name, verdict: Verdict::Absent }
    }

    /// `found` may be a stranger's text.
    pub(super) fn failed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Failed { found: found.into() } }
    }

    pub(super) fn that(name: &'static str, holds: bool, found: impl FnOnce() -> String) -> Self {
        if holds { Self::passed(name) } else { Self::failed(name, found()) }
    }

    #[cfg(test)]
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) const fn is_broken(&self) -> bool {
        match self.verdict {
            Verdict::Failed { .. } => true,
            Verdict::Passed | Verdict::Absent => false,
        }
    }
}

impl Step {
    pub(super) fn new(name: impl Into<String>, answer: &Answer) -> Self {
        Self {
            name: name.into(),
            status: Some(answer.status),
            millis: answer.took.as_millis(),
            said: String::new(),
            checks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What went through a browser, and came back to us.
    pub(super) fn through_a_browser(name: impl Into<String>, took: Duration) -> Self {
        Self {
            name: name.into(),
            status: None,
            millis: took.as_millis(),
            said: String::new(),
            checks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A check that is worth a word only when it fails.
    pub(super) fn expect(&mut self, name: &'static str, holds: bool) {
        if !holds {
            self.checks.push(Check::failed(name, "missing or wrong"));
        }
    }
}

impl<W: Write> Report<W> {
    pub(super) const fn new(terminal: Terminal<W>, json: bool) -> Self {
        Self { terminal, json, steps: 0, broken: Vec::new() }
    }

    pub(super) fn step(&mut self, step: Step) -> io::Result<()> {
        self.steps += 1;
        let broken = step.checks.iter().filter(|check| check.is_broken());
        self.broken.extend(broken.map(|check| check.name.to_owned()));
        if self.json {
            return self.terminal.line(serde_json::to_string(&step)?);
        }
        let name = format!("{} {}", self.steps, step.name);
        let mut details = self.wrapped(&step).into_iter();
        let first = details.next().unwrap_or_default();
        let status = step.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        self.terminal.line(format!("{name:<22}{status:>3}{:>5} ms   {first}", step.millis).trim_end())?;
        for line in details.chain(step.notes) {
            self.terminal.line(format!("{:DETAILS$}{line}", ""))?;
        }
        Ok(())
    }

    /// What a person has to open, and where.
    pub(super) fn open(&mut self, what: &str, url: &str) -> io::Result<()> {
        if self.json {
            return self.terminal.line(serde_json::json!({ "open": url }));
        }
        self.terminal.line(format!("\n  {what}\n\n  {}\n", safe(url)))
    }

    /// A request that got no answer.
    pub(super) fn no_answer(&mut self, name: &str, why: &str) -> io::Result<()> {
        self.steps += 1;
        if self.json {
            return self.terminal.line(serde_json::json!({ "step": name, "error": why }));
        }
        let name = format!("{} {name}", self.steps);
        self.terminal.line(format!("{name:<22}  -{:>11}{}", "", safe(why)))
    }

    fn wrapped(&self, step: &Step) -> Vec<String> {
        let said = (!step.said.is_empty()).then(|| (step.said.clone(), step.said.chars().count()));
        let checks = step.checks.iter().map(|check| {
            let (ink, mark) = match &check.verdict {
                Verdict::Passed => (Ink::Good, "✓".to_owned()),
                Verdict::Absent => (Ink::Faint, "n/a".to_owned()),
                Verdict::Failed { found } => (Ink::Bad, format!("✗ ({})", safe(found))),
            };
            let width = check.name.len() + 1 + mark.chars().count();
            (format!("{} {}", check.name, self.terminal.paint(ink, &mark)), width)
        });
        let mut lines: Vec<(String, usize)> = Vec::new();
        for (text, width) in said.into_iter().chain(checks) {
            match lines.last_mut() {
                Some((line, used)) if *used + 2 + width <= WIDTH - DETAILS => {
                    line.push_str("  ");
                    line.push_str(&text);
                    *used += 2 + width;
                }
                Some(_) | None => lines.push((text, width)),
            }
        }
        lines.into_iter().map(|(line, _)| line).collect()
    }

    pub(super) fn conclude(&mut self, outcome: Outcome, took: Duration) -> Result<(), Exit> {
        let seconds = took.as_secs_f64();
        let exit = match outcome {
            _ if !self.broken.is_empty() => Some(Why::Failed),
            Outcome::Approved | Outcome::Withdrawn | Outcome::SignedIn | Outcome::SignedOut => None,
            Outcome::Denied => Some(Why::Denied),
            Outcome::Expired => Some(Why::Expired),
        };
        if self.json {
            // Tenths, as the other form has them.
            let seconds = (seconds * 10.0).round() / 10.0;
            let result = serde_json::json!({
                "result": outcome, "seconds": seconds, "broken": self.broken, "exit": exit.map_or(0, Why::code),
            });
            self.terminal.line(result)?;
        } else {
            let what = match outcome {
                Outcome::Approved => format!("approved in {seconds:.1} s"),
                Outcome::Denied => format!("denied after {seconds:.1} s"),
                Outcome::Expired => format!("expired after {seconds:.1} s"),
                Outcome::Withdrawn => format!("withdrawn after {seconds:.1} s"),
                Outcome::SignedIn => format!("signed in in {seconds:.1} s"),
                Outcome::SignedOut => format!("signed out after {seconds:.1} s"),
            };
            let broken = self.broken.join(", ");
            self.terminal.line(match exit {
                None => self.terminal.paint(Ink::Good, &format!("✓ {what}")),
                Some(Why::Failed) => {
                    self.terminal.paint(Ink::Bad, &format!("✗ {what}, but rules are broken: {broken}"))
                }
                Some(_) => self.terminal.paint(Ink::Bad, &format!("✗ {what}")),
            })?;
        }
        exit.map_or(Ok(()), |exit| Err(Exit::told(exit)))
    }

    /// The exchange went no further. People read why in the failure, scripts here too.
    pub(super) fn give_up(&mut self, failure: Exit) -> Result<(), Exit> {
        if self.json {
            let result = serde_json::json!({
                "result": "failed", "error": failure.to_string(), "broken": self.broken, "exit": failure.why.code(),
            });
            self.terminal.line(result)?;
        }
        Err(failure)
    }

    #[cfg(test)]
    pub(super) fn into_text(self) -> String
    where
        W: Into<Vec<u8>>,
    {
        String::from_utf8(self.terminal.into_inner().into()).unwrap()
    }
}
