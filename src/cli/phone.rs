//! `nod phone`: a virtual device in a terminal. It pairs with a key of its own, listens, shows each
//! question, and answers as the person says, or by itself (`--auto`).

mod dev_server;
mod listen;
mod question;
mod state_file;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use nod_device::client::{DeviceClient, PairedState};
use nod_device::messages::{DeviceRole, DeviceStatus, Pairing};
use nod_device::{Code, DecisionError, InstallationInfo, Issuer, PairingKey, Scanned};

use self::dev_server::DevServer;
use self::listen::Listener;
use self::state_file::StateFile;
use super::exit::{Exit, Why};
use super::terminal::{Ink, Terminal, safe};
use crate::config::parse_duration;

const DEFAULT_SERVER: &str = "http://localhost:8080";
const DEFAULT_USER: &str = "alice";

/// A virtual device in this terminal: pairs, listens, approves, denies
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// The server's address
    ///
    /// Without it, the server that the phone is paired with, or else dev mode's.
    #[arg(long, value_name = "URL", env = "NOD_SERVER", hide_env_values = true, global = true)]
    server: Option<String>,

    /// Whose phone it is [default: alice]
    #[arg(long, value_name = "NAME", global = true)]
    user: Option<String>,

    /// Where the pairing and its key are
    ///
    /// By default phone-<user>.json in the data directory.
    #[arg(long, value_name = "FILE", global = true)]
    state: Option<PathBuf>,

    /// Where that is by default
    #[arg(long, value_name = "DIR", default_value = ".nod", global = true)]
    data_dir: PathBuf,

    /// approve, deny, wrong-number or ignore
    ///
    /// Answer by itself. approve takes the right number, which a dev server tells; wrong-number takes
    /// another; ignore never answers.
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true)]
    auto: Option<Auto>,

    /// Wait before it answers by itself
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    after: Duration,

    /// End with the first question
    ///
    /// 0 approved, 9 denied, 8 expired, 7 withdrawn or answered elsewhere.
    #[arg(long)]
    once: bool,

    /// Pair with the key on standard input
    ///
    /// Or with the link; in the first line.
    #[arg(long)]
    pairing_key_stdin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Command {
    /// Who this phone is for
    #[command(after_long_help = "Examples:\n  nod phone me\n  nod phone me --user bob")]
    Me,
    /// The questions that wait
    #[command(after_long_help = "Examples:\n  nod phone pending\n  nod phone pending --user bob")]
    Pending,
    /// Replace the phone's key
    #[command(after_long_help = "Examples:\n  nod phone rotate\n  nod phone rotate --user bob")]
    Rotate,
    /// End the pairing and delete its key
    #[command(after_long_help = "Examples:\n  nod phone unpair\n  nod phone unpair --user bob")]
    Unpair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Auto {
    /// With the right number, which a dev server tells
    Approve,
    Deny,
    /// Approve with a number that is not the right one
    WrongNumber,
    /// Never answer
    Ignore,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write 250ms, 3s or 1m".to_owned())
}

pub(super) async fn run(args: Args) -> Result<(), Exit> {
    let mut terminal = Terminal::stdout();
    let file = StateFile::new(args.state.clone(), &args.data_dir, args.user());
    match args.command {
        None => listen(&args, file, &mut terminal).await,
        Some(command) => {
            let client = args.restore(&file)?.ok_or_else(|| {
                let message = format!("no pairing in {}: `nod phone` makes one", file.path().display());
                Exit::not_found(message)
            })?;
            match command {
                Command::Me => me(&client, &mut terminal).await,
                Command::Pending => pending(&client, &mut terminal).await,
                Command::Rotate => rotate(&client, &file, &mut terminal).await,
                Command::Unpair => unpair(&client, &file, &mut terminal).await,
            }
        }
    }
}

impl Args {
    fn user(&self) -> &str {
        self.user.as_deref().unwrap_or(DEFAULT_USER)
    }

    fn server(&self) -> &str {
        self.server.as_deref().unwrap_or(DEFAULT_SERVER)
    }

    fn restore(&self, file: &StateFile) -> Result<Option<DeviceClient>, Exit> {
        let Some(state) = file.read()? else { return Ok(None) };
        self.agree(&state, file)?;
        Ok(Some(DeviceClient::restore(state).map_err(exit)?))
    }

    /// What was asked for and what is stored must not be two things.
    fn agree(&self, state: &PairedState, file: &StateFile) -> Result<(), Exit> {
        let conflict = |what: String| {
            let message =
                format!("{} is a pairing {what}: choose another --state, or remove it", file.path().display());
            Err(Exit::conflict(message))
        };
        if let Some(server) = &self.server {
            let issuer = Issuer::parse(server).map_err(exit)?;
            if issuer != state.issuer {
                return conflict(format!("with {}, not with {issuer}", state.issuer));
            }
        }
        if let Some(user) = &self.user
            && !state.users.iter().any(|paired| paired.user.username == *user)
        {
            return conflict(format!("of {}, not of {user}", usernames(state)));
        }
        Ok(())
    }
}

fn usernames(state: &PairedState) -> String {
    let names: Vec<&str> = state.users.iter().map(|paired| paired.user.username.as_str()).collect();
    names.join(", ")
}

async fn listen<W: Write>(args: &Args, file: StateFile, terminal: &mut Terminal<W>) -> Result<(), Exit> {
    let client = match args.restore(&file)? {
        Some(client) => match client.me().await {
            Ok(_) => client,
            // The server forgot us (dev mode starts afresh now and then): this key is of no use any more.
            Err(error) if error.refusal() == Some(&Code::DeviceUnknown) => {
                terminal.line(format!("{} is not paired any more", file.path().display()))?;
                pair(args, &file, terminal).await?
            }
            Err(error) => return Err(exit(error)),
        },
        None => pair(args, &file, terminal).await?,
    };
    let dev = DevServer::new(client.issuer())?;
    let mut listener = Listener { client, dev, file, auto: args.auto, after: args.after, once: args.once, terminal };
    listener.run().await
}

async fn pair<W: Write>(args: &Args, file: &StateFile, terminal: &mut Terminal<W>) -> Result<DeviceClient, Exit> {
    let (issuer, key) = args.pairing_key().await?;
    file.check_writable()?;
    let name = format!("nod phone of {}", args.user());
    let (client, Pairing { user, .. }) = DeviceClient::pair(issuer.as_str(), &key, &info(name)).await.map_err(exit)?;
    // Before anything else: the pairing exists on the server now, and its key only here.
    file.write(&client.state())?;
    let named = user.name.as_deref().map_or_else(String::new, |name| format!(" ({})", safe(name)));
    let username = terminal.paint(Ink::Strong, &safe(&user.username));
    terminal.line(format!("paired as {username}{named} at {issuer} · key in {}", file.path().display()))?;
    Ok(client)
}

/// What `nod dev` knows of a phone that it pairs by itself, before anybody can ask.
pub(super) fn virtual_phone(name: &str) -> InstallationInfo {
    info(name.to_owned())
}

fn info(name: String) -> InstallationInfo {
    InstallationInfo {
        platform: std::env::consts::OS.to_uppercase(),
        name: Some(name),
        app_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        application: Some("nod phone".to_owned()),
        ..InstallationInfo::default()
    }
}

impl Args {
    async fn pairing_key(&self) -> Result<(Issuer, PairingKey), Exit> {
        let issuer = Issuer::parse(self.server()).map_err(exit)?;
        if !self.pairing_key_stdin {
            let key = DevServer::new(&issuer)?.pairing_key(self.user()).await?;
            return Ok((issuer, key));
        }
        let mut line = zeroize::Zeroizing::new(String::new());
        io::stdin().read_line(&mut line)?;
        match Scanned::parse(&line).map_err(exit)? {
            Scanned::Key(digits) => Ok((issuer, digits)),
            Scanned::Link(scan) if self.server.is_none() || scan.issuer == issuer => Ok((scan.issuer, scan.key)),
            Scanned::Link(scan) => Err(Exit::usage(format!("the link is for {}, not for {issuer}", scan.issuer))),
        }
    }
}

async fn me<W: Write>(client: &DeviceClient, terminal: &mut Terminal<W>) -> Result<(), Exit> {
    let me = client.me().await.map_err(exit)?;
    terminal.line(format!("server        {}", me.issuer))?;
    terminal.line(format!("installation  {}", me.installation_id))?;
    terminal.line(format!("key           {}", client.public_jwk().thumbprint()))?;
    for user in &me.users {
        let role = match user.role {
            DeviceRole::Primary => "primary",
            DeviceRole::Trusted => "trusted",
            DeviceRole::Unknown => "of another role",
        };
        let status = match user.status {
            DeviceStatus::Active => terminal.paint(Ink::Good, "active"),
            DeviceStatus::Blocked => terminal.paint(Ink::Bad, "blocked"),
            DeviceStatus::Unknown => "of another status".to_owned(),
        };
        let name = user.name.as_deref().map_or_else(String::new, |name| format!(" ({})", safe(name)));
        terminal.line(format!("device        {}  {}{name}  {role}  {status}", user.device_id, safe(&user.username)))?;
    }
    terminal.line(format!("time          {}", me.time))?;
    Ok(())
}

async fn pending<W: Write>(client: &DeviceClient, terminal: &mut Terminal<W>) -> Result<(), Exit> {
    let notifications = client.pending().await.map_err(exit)?;
    if notifications.is_empty() {
        terminal.line("nothing waits")?;
    }
    for notification in &notifications {
        question::show(notification, client.now(), terminal)?;
    }
    Ok(())
}

async fn rotate<W: Write>(client: &DeviceClient, file: &StateFile, terminal: &mut Terminal<W>) -> Result<(), Exit> {
    let old = client.public_jwk().thumbprint();
    let rotated = client.rotate_key().await.map_err(exit)?;
    // Stored before it is used: the old key is good until then, so no crash loses the pairing.
    file.write(&rotated.state())?;
    rotated.activate();
    // The first use ends the old key.
    client.me().await.map_err(exit)?;
    terminal.line(format!("the key is {} now; {old} is no longer valid", client.public_jwk().thumbprint()))?;
    Ok(())
}

async fn unpair<W: Write>(client: &DeviceClient, file: &StateFile, terminal: &mut Terminal<W>) -> Result<(), Exit> {
    client.unpair().await.map_err(exit)?;
    file.remove()?;
    terminal.line("unpaired; the key is deleted")?;
    Ok(())
}

/// The device library's error, as a command ends with it.
fn exit(error: impl Into<nod_device::Error>) -> Exit {
    let error = error.into();
    Exit::new(why(&error), explain(&error))
}

fn why(error: &nod_device::Error) -> Why {
    match error {
        nod_device::Error::PairingLink(_) | nod_device::Error::Issuer(_) => Why::Usage,
        nod_device::Error::Decision(DecisionError::Expired) => Why::Expired,
        nod_device::Error::Decision(
            DecisionError::NumberRequired
            | DecisionError::NumberNotOffered
            | DecisionError::NumberNotAsked
            | DecisionError::ChoiceRequired
            | DecisionError::ChoiceNotAsked
            | DecisionError::NotUnderstood,
        )
        | nod_device::Error::Key(_)
        | nod_device::Error::PayloadTooLong
        | nod_device::Error::IdToken(_)
        | nod_device::Error::Setup(_) => Why::Failed,
        nod_device::Error::Unreachable(_) | nod_device::Error::Silent => Why::Unreachable,
        nod_device::Error::Answer { status, .. } => {
            if *status >= 500 {
                Why::Unreachable
            } else {
                Why::Failed
            }
        }
        nod_device::Error::Refused { problem, .. } => why_of_code(&problem.code),
    }
}

const fn why_of_code(code: &Code) -> Why {
    match code {
        Code::PairingKeyInvalid
        | Code::DeviceUnknown
        | Code::DeviceBlocked
        | Code::ProofRequired
        | Code::ProofInvalid
        | Code::ProofExpired
        | Code::ProofReplayed
        | Code::UseDeviceNonce
        | Code::DeviceRequirementsFailed => Why::NotPermitted,
        Code::NotificationNotFound | Code::EnrollmentNotFound | Code::EnrollmentGone => Why::NotFound,
        Code::MethodLimitReached | Code::AlreadyDecided | Code::Canceled | Code::PushUnavailable => Why::Conflict,
        Code::Expired => Why::Expired,
        Code::NumberMismatch => Why::Denied,
        Code::TemporarilyUnavailable => Why::Unreachable,
        Code::TooManyAttempts
        | Code::ContextHashMismatch
        | Code::ProofMismatch
        | Code::ChoiceRequired
        | Code::PushValueInvalid
        | Code::InvalidRequest
        | Code::Other(_) => Why::Failed,
    }
}

/// One line for a person, with the innermost cause where the library only says "unreachable".
fn explain(error: &nod_device::Error) -> String {
    let text = match error.refusal() {
        Some(Code::PairingKeyInvalid) => "the pairing key is unknown, expired or used".to_owned(),
        Some(Code::MethodLimitReached) => "this person has as many devices as are allowed".to_owned(),
        Some(Code::DeviceUnknown) => "the server does not know this phone (any more)".to_owned(),
        Some(Code::DeviceBlocked) => "this phone is blocked".to_owned(),
        Some(_) | None => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    let mut innermost = None;
    while let Some(inner) = cause {
        innermost = Some(inner.to_string());
        cause = inner.source();
    }
    let waits = error.retry_after().map_or_else(String::new, |after| format!(" (try again in {} s)", after.as_secs()));
    match innermost {
        Some(innermost) if innermost != text => format!("{text}: {innermost}{waits}"),
        Some(_) | None => format!("{text}{waits}"),
    }
}
