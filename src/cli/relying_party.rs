//! `nod test`: acts as the relying party, prints each step of the exchange, and checks what a careful relying party
//! checks.

mod arrival;
mod ciba;
mod device;
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
mod login;
mod logout;
mod polling;
mod provider;
mod report;
mod sign_in;
mod tokens;
mod visitor;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use nod_device::Issuer;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use self::report::{Outcome, Report, Step};
use super::dev;
use super::exchange::{Answer, Http, Unanswered, send};
use super::exit::{Exit, Why};
use super::terminal::{Terminal, safe};
use crate::clock::{Clock, SystemClock};
use crate::config::environment;
use crate::secret::Secret;

const SECRET_VARIABLE: &str = "NOD_CLIENT_SECRET";

#[derive(Subcommand)]
pub(super) enum Action {
    /// Sign a person in with a browser, redeem the code, verify the tokens
    #[command(after_long_help = "Examples:
  nod test login
  nod test login --auto --scope 'openid profile'
  nod test login --issuer https://id.example.com --client-id shop --client-secret-file shop.secret")]
    Login(login::Args),
    /// Ask a person through CIBA, poll, verify the tokens
    #[command(after_long_help = "Examples:
  nod test ciba --user alice --binding-message K7Q2
  nod test ciba --issuer https://id.example.com --client-id till --client-secret-file till.secret")]
    Ciba(ciba::Args),
    /// Connect a device without a keyboard, poll, verify the tokens
    #[command(after_long_help = "Examples:
  nod test device
  nod test device --auto
  nod test device --issuer https://id.example.com --client-id telly --client-secret-file telly.secret")]
    Device(device::Args),
    /// Sign a person in and out again, and see that the tokens end
    #[command(after_long_help = "Examples:
  nod test logout
  nod test logout --auto
  nod test logout --issuer https://id.example.com --client-id shop --client-secret-file shop.secret")]
    Logout(logout::Args),
}

pub(super) async fn run(action: Action) -> Result<(), Exit> {
    match action {
        Action::Login(args) => login::run(args).await,
        Action::Ciba(args) => ciba::run(args).await,
        Action::Device(args) => device::run(args).await,
        Action::Logout(args) => logout::run(args).await,
    }
}

/// Whom is asked, and who asks.
#[derive(Debug, clap::Args)]
struct Who {
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

    /// One JSON object a line
    ///
    /// Each step, then the result.
    #[arg(long)]
    json: bool,
}

/// The same, and where and when it is shown.
struct Setting<W> {
    issuer: Issuer,
    client_id: String,
    secret: Secret<String>,
    clock: Arc<dyn Clock>,
    report: Report<W>,
}

impl Who {
    /// Here and now.
    fn setting(&self) -> Result<Setting<io::Stdout>, Exit> {
        let issuer =
            Issuer::parse(&self.issuer).map_err(|error| Exit::usage(format!("--issuer {}: {error}", self.issuer)))?;
        let secret = self.client_secret(&issuer)?;
        let report = Report::new(Terminal::stdout(), self.json);
        Ok(Setting { issuer, client_id: self.client_id.clone(), secret, clock: Arc::new(SystemClock), report })
    }

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

/// `A` is what it is told to do.
struct RelyingParty<W, A> {
    args: A,
    issuer: Issuer,
    client_id: String,
    /// `client_secret_basic`, ready to send.
    credentials: HeaderValue,
    http: Http,
    clock: Arc<dyn Clock>,
    report: Report<W>,
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

impl<W: Write, A> RelyingParty<W, A> {
    fn new(args: A, setting: Setting<W>) -> Result<Self, Exit> {
        let Setting { issuer, client_id, secret, clock, report } = setting;
        let http = Http::new(&issuer)?;
        let credentials = basic(&client_id, &secret)
            .ok_or_else(|| Exit::usage("the client's id or secret cannot be sent in a header"))?;
        Ok(Self { args, issuer, client_id, credentials, http, clock, report })
    }

    fn conclude(&mut self, exchanged: Result<(Outcome, Duration), Exit>) -> Result<(), Exit> {
        match exchanged {
            Ok((outcome, took)) => self.report.conclude(outcome, took),
            Err(failure) => self.report.give_up(failure),
        }
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
