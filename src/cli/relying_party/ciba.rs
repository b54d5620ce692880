//! `nod test ciba` [CIBA §7-§11, OIDC Core §3.1.3.7].

#[cfg(test)]
mod tests;

use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::polling::{self, Pending, Withdrawal};
use super::provider::{Needs, Provider};
use super::report::{Check, Outcome, Report, Step};
use super::tokens::Ties;
use super::{RelyingParty, Who};
use crate::cli::exchange::PROMPT;
use crate::cli::exit::Exit;
use crate::cli::terminal::safe;
use crate::config::parse_duration;
use crate::entropy::Entropy;

const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// Act as a relying party: ask a person, wait for the tokens, check them
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    who: Who,

    #[arg(help = "Whom to ask (login_hint)", long, value_name = "NAME", default_value = "alice")]
    user: String,

    /// Shown to the person
    #[arg(long, value_name = "TEXT")]
    binding_message: Option<String>,

    /// What to ask for
    #[arg(long, default_value = "openid")]
    scope: String,

    /// The preferred one first
    #[arg(long, value_name = "VALUES")]
    acr_values: Option<String>,

    /// How long the person may take
    #[arg(long, value_name = "SEC")]
    requested_expiry: Option<u32>,

    /// Withdraw the request after 2s, 500ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    cancel_after: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write 500ms, 2s or 1m".to_owned())
}

pub(super) async fn run(args: Args) -> Result<(), Exit> {
    let setting = args.who.setting()?;
    RelyingParty::new(args, setting)?.test().await.0
}

/// [CIBA §7.3]
#[derive(Deserialize)]
struct Acknowledgement {
    auth_req_id: String,
    expires_in: u64,
    /// Seconds; 5 when it is not there.
    interval: Option<u64>,
    number_matching: Option<NumberToShow>,
}

#[derive(Deserialize)]
struct NumberToShow {
    #[serde(rename = "type")]
    kind: String,
    number: u32,
}

impl Acknowledgement {
    fn interval(&self) -> u64 {
        self.interval.unwrap_or(polling::DEFAULT_INTERVAL)
    }

    fn pending(&self, cancel_after: Option<Duration>) -> Pending {
        let id = || self.auth_req_id.clone();
        Pending {
            redemption: vec![("grant_type", CIBA_GRANT.to_owned()), ("auth_req_id", id())],
            interval: self.interval(),
            expires_in: self.expires_in,
            withdrawal: cancel_after.map(|after| Withdrawal {
                after,
                form: [("token", id()), ("token_type_hint", "auth_req_id".to_owned())],
            }),
        }
    }
}

impl<W: Write> RelyingParty<W, Args> {
    /// The report comes back for tests.
    async fn test(mut self) -> (Result<(), Exit>, Report<W>) {
        let exchanged = self.exchange().await;
        let result = self.conclude(exchanged);
        (result, self.report)
    }

    async fn exchange(&mut self) -> Result<(Outcome, Duration), Exit> {
        let provider = self.discover(Needs::Ciba { withdraws: self.args.cancel_after.is_some() }).await?;
        let started = Instant::now();
        let acknowledgement = self.ask(&provider).await?;
        let pending = acknowledgement.pending(self.args.cancel_after);
        let ties = Ties { auth_req_id: Some(&acknowledgement.auth_req_id), nonce: None };
        self.outcome(&provider, ties, &pending, started).await
    }

    /// The backchannel authentication request [CIBA §7.1].
    async fn ask(&mut self, provider: &Provider) -> Result<Acknowledgement, Exit> {
        let mut form = vec![("scope", self.args.scope.clone()), ("login_hint", self.args.user.clone())];
        let expiry = self.args.requested_expiry.map(|seconds| seconds.to_string());
        let optional = [
            ("binding_message", &self.args.binding_message),
            ("acr_values", &self.args.acr_values),
            ("requested_expiry", &expiry),
        ];
        form.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        // [CIBA §7.1] required of a client in ping mode, as which this one may be registered. It polls all the same.
        form.push(("client_notification_token", Entropy::default().token().expose().clone()));
        let answer = self.post(&provider.begins_at, &form, PROMPT).await;
        let answer = answer.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("bc-authorize", &answer);
        step.expect("no-store", answer.is_not_stored());
        if answer.status != 200 {
            return Err(self.refused(step, &answer)?);
        }
        let Some(acknowledgement) = answer.json::<Acknowledgement>().filter(|_| answer.is_json()) else {
            step.checks.push(Check::failed("answer", "not an acknowledgement"));
            self.report.step(step)?;
            return Err(Exit::failed("the backchannel endpoint's answer is not understood"));
        };
        let id = &acknowledgement.auth_req_id;
        let interval = acknowledgement.interval();
        // [CIBA §7.3] 128 bits at least, which are 22 characters of this alphabet.
        let well_formed =
            id.len() >= 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        step.expect("auth_req_id", well_formed);
        step.expect("expires_in", acknowledgement.expires_in > 0);
        // Whoever has all of it can fetch the tokens' fate; a log shows where it begins.
        let begin: String = id.chars().take(6).collect();
        step.said =
            format!("auth_req_id {}… · expires {} s · interval {interval} s", safe(&begin), acknowledgement.expires_in);
        step.notes.push(self.what_to_do(acknowledgement.number_matching.as_ref()));
        self.report.step(step)?;
        Ok(acknowledgement)
    }

    fn what_to_do(&self, number_matching: Option<&NumberToShow>) -> String {
        let user = safe(&self.args.user);
        let task = match number_matching {
            None => format!("approve on {user}'s phone"),
            Some(shown) => {
                let verb = if shown.kind == "ENTER_MANUALLY" { "type" } else { "choose" };
                format!("{verb} {} on {user}'s phone", shown.number)
            }
        };
        if self.issuer.is_https() {
            return task;
        }
        let server = match self.issuer.as_str() {
            "http://localhost:8080" => String::new(),
            other => format!(" --server {other}"),
        };
        format!("{task}   (or: nod phone{server} --user {user} --auto approve)")
    }
}
