//! `nod test ciba`: acts as the relying party, prints each step of the exchange, and checks what a
//! careful relying party checks [CIBA §7-§11, OIDC Core §3.1.3.7].

#[cfg(test)]
#[path = "../../device-sdk/src/double.rs"]
#[expect(
    unreachable_pub,
    dead_code,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "a server double that nod-device keeps as text to include"
)]
mod double;
mod polling;
mod provider;
mod report;
#[cfg(test)]
mod tests;
mod tokens;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nod_device::Issuer;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;

use self::polling::Answered;
use self::provider::Provider;
use self::report::{Check, Outcome, Report, Step};
use super::dev;
use super::exchange::{Answer, Http, PROMPT, Unanswered, send};
use super::exit::{Exit, Why};
use super::terminal::{Terminal, safe};
use crate::clock::{Clock, SystemClock};
use crate::config::{environment, parse_duration};
use crate::entropy::Entropy;
use crate::secret::Secret;

const SECRET_VARIABLE: &str = "NOD_CLIENT_SECRET";

/// Act as a relying party: ask a person, wait for the tokens, check them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The provider, or dev mode
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080", env = "NOD_ISSUER")]
    #[arg(hide_default_value = true, hide_env_values = true)]
    issuer: String,

    /// The client to act as
    ///
    /// Its secret comes from standard input, a file or `NOD_CLIENT_SECRET`.
    #[arg(long, value_name = "ID", default_value = "shop")]
    client_id: String,

    /// Its secret is on standard input
    #[arg(long, conflicts_with = "client_secret_file")]
    client_secret_stdin: bool,

    /// Its secret is in a file
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,

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

    /// One JSON object a line
    ///
    /// Each step, then the result.
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write 500ms, 2s or 1m".to_owned())
}

pub(super) async fn run(args: Args) -> Result<(), Exit> {
    let issuer =
        Issuer::parse(&args.issuer).map_err(|error| Exit::usage(format!("--issuer {}: {error}", args.issuer)))?;
    let secret = args.client_secret(&issuer)?;
    let report = Report::new(Terminal::stdout(), args.json);
    RelyingParty::new(args, issuer, &secret, Arc::new(SystemClock), report)?.test().await.0
}

impl Args {
    fn client_secret(&self, issuer: &Issuer) -> Result<Secret<String>, Exit> {
        let stripped = |text: String| {
            let text = Secret::new(text);
            Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned())
        };
        if self.client_secret_stdin {
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            return Ok(stripped(line));
        }
        if let Some(file) = &self.client_secret_file {
            return fs::read_to_string(file).map(stripped).map_err(|error| {
                Exit::usage(format!("--client-secret-file {} cannot be read: {error}", file.display()))
            });
        }
        if let Some(secret) = environment(SECRET_VARIABLE).filter(|secret| !secret.is_empty()) {
            return Ok(Secret::new(secret));
        }
        // An http issuer is on this machine. Elsewhere a guess would only be sent about.
        let seeded = dev::CLIENTS.into_iter().find(|(id, ..)| *id == self.client_id);
        if let Some((.., secret)) = seeded.filter(|_| !issuer.is_https()) {
            return Ok(Secret::new(secret.to_owned()));
        }
        let message = format!(
            "the secret of {} is missing: --client-secret-stdin, --client-secret-file or {SECRET_VARIABLE}",
            self.client_id
        );
        Err(Exit::usage(message))
    }
}

struct RelyingParty<W> {
    args: Args,
    issuer: Issuer,
    /// `client_secret_basic`, ready to send.
    credentials: HeaderValue,
    http: Http,
    clock: Arc<dyn Clock>,
    report: Report<W>,
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

/// An error of any OAuth endpoint [RFC 6749 §5.2].
#[derive(Deserialize)]
struct OAuthError {
    error: String,
    error_description: Option<String>,
}

impl OAuthError {
    fn to_line(&self) -> String {
        match &self.error_description {
            Some(description) => format!("{}: {}", safe(&self.error), safe(description)),
            None => safe(&self.error),
        }
    }
}

impl<W: Write> RelyingParty<W> {
    fn new(
        args: Args,
        issuer: Issuer,
        secret: &Secret<String>,
        clock: Arc<dyn Clock>,
        report: Report<W>,
    ) -> Result<Self, Exit> {
        let http = Http::new(&issuer)?;
        let credentials = basic(&args.client_id, secret)
            .ok_or_else(|| Exit::usage("the client's id or secret cannot be sent in a header"))?;
        Ok(Self { args, issuer, credentials, http, clock, report })
    }

    /// The report comes back for tests.
    async fn test(mut self) -> (Result<(), Exit>, Report<W>) {
        let result = match self.exchange().await {
            Ok((outcome, took)) => self.report.conclude(outcome, took),
            Err(failure) => self.report.give_up(failure),
        };
        (result, self.report)
    }

    async fn exchange(&mut self) -> Result<(Outcome, Duration), Exit> {
        let provider = self.discover().await?;
        let started = Instant::now();
        let acknowledgement = self.ask(&provider).await?;
        let answered = self.await_answer(&provider, &acknowledgement, started).await?;
        let took = started.elapsed();
        let outcome = match answered {
            Answered::Tokens(tokens) => {
                self.check_tokens(&provider, &acknowledgement, &tokens).await?;
                self.redeem_again(&provider, &acknowledgement).await?;
                Outcome::Approved
            }
            Answered::Denied => Outcome::Denied,
            Answered::Expired => Outcome::Expired,
            Answered::Withdrawn => Outcome::Withdrawn,
        };
        Ok((outcome, took))
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
        let answer = self.post(&provider.backchannel_authentication_endpoint, &form, PROMPT).await;
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
        let interval = acknowledgement.interval.unwrap_or(polling::DEFAULT_INTERVAL);
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

    /// [CIBA §13] and client authentication: printed, and turned into how the command ends.
    fn refused(&mut self, mut step: Step, answer: &Answer) -> Result<Exit, Exit> {
        let error = answer.json::<OAuthError>().filter(|_| answer.is_json());
        step.said = error.as_ref().map_or_else(|| "not an OAuth error".to_owned(), OAuthError::to_line);
        if let Some(after) = answer.retry_after() {
            step.notes.push(format!("try again in {} s", after.as_secs()));
        }
        let exit = match error.as_ref().map(|error| error.error.as_str()) {
            Some("invalid_client" | "unauthorized_client") => Why::NotPermitted,
            Some("unknown_user_id") => Why::NotFound,
            Some("access_denied") => Why::Denied,
            _ if answer.status >= 500 => Why::Unreachable,
            Some(_) | None => Why::Failed,
        };
        self.report.step(step)?;
        Ok(Exit::told(exit))
    }

    async fn post(&self, url: &str, form: &[(&str, String)], limit: Duration) -> Result<Answer, Unanswered> {
        send(self.http.post(url).header(AUTHORIZATION, self.credentials.clone()).form(form), limit).await
    }

    fn unanswered(&self, error: &Unanswered) -> Exit {
        match error {
            Unanswered::Unreachable(why) => {
                let hint = if self.issuer.is_https() { "" } else { "\nIs it running? `nod dev` starts one." };
                Exit::unreachable(format!("{} cannot be reached: {why}{hint}", self.issuer))
            }
            Unanswered::TooLong => Exit::failed(format!("{}: {error}", self.issuer)),
        }
    }
}

/// [RFC 6749 §2.3.1] both parts are form-encoded before they are joined: a colon in the id, or a
/// percent sign in the secret, arrives as it was meant.
fn basic(client_id: &str, secret: &Secret<String>) -> Option<HeaderValue> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let joined = Secret::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
    let header = Secret::new(format!("Basic {}", STANDARD.encode(joined.expose())));
    let mut value = HeaderValue::from_str(header.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
