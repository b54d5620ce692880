//! `nod test device`: a device without a keyboard [RFC 8628].

use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::polling::{self, Pending};
use super::provider::{Needs, Provider};
use super::report::{Check, Outcome, Step};
use super::tokens::Ties;
use super::visitor::{Arrived, Visitor};
use super::{RelyingParty, Who};
use crate::cli::exchange::{PROMPT, is_secure};
use crate::cli::exit::Exit;
use crate::cli::terminal::safe;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Act as a device without a keyboard: show a code, wait for the tokens, check them
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    who: Who,

    /// What to ask for
    #[arg(long, default_value = "openid")]
    scope: String,

    /// Who connects it, with --auto; alice if left out
    #[arg(long, value_name = "NAME", requires = "auto")]
    user: Option<String>,

    /// Nobody has to do anything: in dev mode alone
    ///
    /// Go through the pages of dev mode as the user, whose password is the user name, and connect the device.
    #[arg(long)]
    auto: bool,
}

/// [RFC 8628 §3.2]
#[derive(Deserialize)]
struct Waiting {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    /// Seconds; 5 when it is not there.
    interval: Option<u64>,
}

pub(super) async fn run(args: Args) -> Result<(), Exit> {
    let setting = args.who.setting()?;
    let mut party = RelyingParty::new(args, setting)?;
    let exchanged = party.connects().await;
    party.conclude(exchanged)
}

impl<W: Write> RelyingParty<W, Args> {
    async fn connects(&mut self) -> Result<(Outcome, Duration), Exit> {
        let user = self.args.user.as_deref();
        let visitor = if self.args.auto { Some(self.visitor(user)?) } else { None };
        let provider = self.discover(Needs::Device).await?;
        let started = Instant::now();
        let waiting = self.wait(&provider).await?;
        self.have_it_connected(&waiting, visitor).await?;
        let pending = Pending {
            redemption: vec![("grant_type", DEVICE_GRANT.to_owned()), ("device_code", waiting.device_code)],
            interval: waiting.interval.unwrap_or(polling::DEFAULT_INTERVAL),
            expires_in: waiting.expires_in,
            withdrawal: None,
        };
        self.outcome(&provider, Ties::default(), &pending, started).await
    }

    /// The device authorization request [RFC 8628 §3.1].
    async fn wait(&mut self, provider: &Provider) -> Result<Waiting, Exit> {
        let form = [("scope", self.args.scope.clone())];
        let answer = self.post(&provider.begins_at, &form, PROMPT).await;
        let answer = answer.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("device", &answer);
        step.expect("no-store", answer.is_not_stored());
        if answer.status != 200 {
            return Err(self.refused(step, &answer)?);
        }
        let Some(waiting) = answer.json::<Waiting>().filter(|_| answer.is_json()) else {
            step.checks.push(Check::failed("answer", "not a device authorization"));
            self.report.step(step)?;
            return Err(Exit::failed("the device authorization endpoint's answer is not understood"));
        };
        // [RFC 8628 §5.2] it is guessed by whoever can, and nobody types it.
        step.expect("device_code", waiting.device_code.len() >= 22);
        step.expect("user_code", !waiting.user_code.is_empty());
        step.expect("expires_in", waiting.expires_in > 0);
        step.checks.push(Check::that("verification_uri", is_secure(&waiting.verification_uri), || {
            waiting.verification_uri.clone()
        }));
        step.checks.push(match &waiting.verification_uri_complete {
            Some(url) => Check::that("verification_uri_complete", is_secure(url), || url.clone()),
            None => Check::absent("verification_uri_complete"),
        });
        let interval = waiting.interval.unwrap_or(polling::DEFAULT_INTERVAL);
        let Waiting { user_code, expires_in, .. } = &waiting;
        step.said = format!("user_code {} · expires {expires_in} s · interval {interval} s", safe(user_code));
        self.report.step(step)?;
        Ok(waiting)
    }

    /// Somebody elsewhere has to, or our own visitor does.
    async fn have_it_connected(&mut self, waiting: &Waiting, visitor: Option<Visitor>) -> Result<(), Exit> {
        let url = waiting.verification_uri_complete.as_ref().unwrap_or(&waiting.verification_uri);
        let Some(mut visitor) = visitor else {
            let what = format!("Open this in a browser, and see that it shows {}:", safe(&waiting.user_code));
            self.report.open(&what, url)?;
            return Ok(());
        };
        match visitor.open(url).await? {
            Arrived::Here => Ok(()),
            Arrived::Away(elsewhere) => {
                Err(Exit::failed(format!("the provider sends the browser to {}", safe(elsewhere.as_str()))))
            }
        }
    }
}
