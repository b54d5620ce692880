//! The command line: one file per subcommand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::cli::exit::Exit;
use crate::cli::terminal::Colour;
use crate::config::Sources;
use crate::telemetry::{Detail, Format};

mod apply;
mod audit;
mod certificates;
mod client;
mod config;
mod dev;
mod device;
mod doctor;
mod exchange;
mod exit;
mod healthcheck;
mod identifier;
mod initial_token;
mod keys;
mod listen;
mod listing;
mod mail;
mod mfa_policy;
mod migrate;
mod native_application;
mod openapi;
mod opened;
mod pages;
mod parts;
mod phone;
mod policy;
mod posture;
mod private_file;
mod relying_party;
mod request;
mod serve;
mod server_certificate;
mod session;
mod standard_input;
mod sure;
mod tail;
mod terminal;
mod texts;
mod user;
mod version;
mod webhook;

/// The commands by what they are for: a list of all of them would not fit a screen.
const HELP: &str = "\
OpenID Provider with backchannel approvals on trusted devices

Usage: nod [COMMAND]

Run      dev                        everything on localhost, seeded, throw-away
         serve                      the production server
Try      phone                      a virtual device in this terminal
         test                       a relying party: login, ciba, device, logout
         listen                     receive webhooks here, and forward them
         tail                       follow what happens
Manage   client, initial-token, user, device, session, request, policy,
         mfa-policy, native-application, webhook, keys, audit
         apply, export              clients and users from a file, and into one
Operate  config                     init, check, show, schema
         doctor                     check a deployment from inside and outside
         migrate                    the tables of the database
         healthcheck                whether the server is ready, for containers
Misc     openapi, completions, man, version

`nod` alone is `nod dev`, where there is no nod.toml.
`nod <command> --help` is short, `nod help <command>` has examples.
";

/// As documented in docs/cli.md, for the manual page.
const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed; for `test`, a rule was broken
  2  wrong usage
  3  the configuration is invalid or unsafe
  4  server, database or store unreachable
  5  not permitted
  6  not found
  7  conflict
  8  timed out or expired
  9  denied by the person";

/// OpenID Provider with backchannel approvals on trusted devices.
#[derive(Parser)]
#[command(name = "nod", version, max_term_width = 100, override_help = HELP, after_long_help = EXIT_CODES)]
#[command(disable_help_flag = true)]
struct Cli {
    /// Print this; `nod help` says more
    #[arg(short, long, action = ArgAction::HelpShort, global = true)]
    help: Option<bool>,
    /// Colours: where they are welcome (the default), or as said
    ///
    /// They are welcome on a terminal, unless `NO_COLOR` is set. Logs have none.
    #[arg(long, value_enum, value_name = "auto|always|never", hide_possible_values = true)]
    #[arg(default_value_t = Colour::Auto, hide_default_value = true, global = true, hide_short_help = true)]
    color: Colour,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on localhost, seeded, throw-away (the default without a config file)
    #[command(after_long_help = "Examples:\n  nod dev\n  nod dev --port 9000 --fresh")]
    Dev(dev::Arguments),
    /// Production server
    #[command(after_long_help = "Examples:
  nod serve -c /etc/nod/nod.toml
  NOD_LISTEN__PUBLIC=127.0.0.1:8443 nod serve --set ciba.interval=2s

It refuses an unsafe configuration, with one list of all reasons.")]
    Serve {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        logging: Logging,
    },
    /// A virtual device in this terminal
    #[command(after_long_help = "Examples:
  nod phone --auto approve --after 3s
  nod user pairing-key bob | nod phone --user bob --pairing-key-stdin")]
    Phone(phone::Args),
    /// Act as a relying party and print each step
    Test {
        #[command(subcommand)]
        what: relying_party::Action,
    },
    /// Receive webhooks and pings here, check their signatures, and forward them
    Listen(listen::Arguments),
    /// Follow what happens: the events of the audit trail
    Tail(tail::Arguments),
    /// Relying parties
    Client {
        #[command(subcommand)]
        action: Box<client::Action>,
        #[command(flatten)]
        place: Place,
    },
    /// People
    User {
        #[command(subcommand)]
        action: user::Action,
        #[command(flatten)]
        place: Place,
    },
    /// The devices of people
    Device {
        #[command(subcommand)]
        action: device::Action,
        #[command(flatten)]
        place: Place,
    },
    /// Who is signed in where
    Session {
        #[command(subcommand)]
        action: session::Action,
        #[command(flatten)]
        place: Place,
    },
    /// Questions that wait for an answer
    Request {
        #[command(subcommand)]
        action: request::Action,
        #[command(flatten)]
        place: Place,
    },
    /// What clients register themselves with
    InitialToken {
        #[command(subcommand)]
        action: initial_token::Action,
        #[command(flatten)]
        place: Place,
    },
    /// How people sign in, and what counts as a second factor
    Policy {
        #[command(subcommand)]
        action: policy::Action,
        #[command(flatten)]
        place: Place,
    },
    /// What counts as a second factor
    MfaPolicy {
        #[command(subcommand)]
        action: mfa_policy::Action,
        #[command(flatten)]
        place: Place,
    },
    /// Apps that people trust on their phones
    NativeApplication {
        #[command(subcommand)]
        action: native_application::Action,
        #[command(flatten)]
        place: Place,
    },
    /// Whom to tell what happens
    Webhook {
        #[command(subcommand)]
        action: webhook::Action,
        #[command(flatten)]
        place: Place,
    },
    /// Signing keys
    Keys {
        #[command(subcommand)]
        action: keys::Action,
        #[command(flatten)]
        place: Place,
    },
    /// The audit trail
    Audit {
        #[command(subcommand)]
        action: audit::Action,
        #[command(flatten)]
        place: Place,
    },
    /// The tables of the database
    Migrate {
        #[command(subcommand)]
        action: Option<migrate::Action>,
        #[command(flatten)]
        place: Place,
    },
    /// What the settings are, where they come from, what is wrong with them
    Config {
        #[command(subcommand)]
        action: config::Action,
    },
    /// Make clients and people as a file says
    Apply(apply::Arguments),
    /// Write clients and people as a file for `apply`
    Export(apply::Export),
    /// Look at a deployment: configuration, stores, keys, and the server from outside
    Doctor(doctor::Arguments),
    /// Whether the server on this machine is ready, for containers
    Healthcheck(healthcheck::Arguments),
    /// Print the `OpenAPI` document
    #[command(after_long_help = "Examples:\n  nod openapi > openapi.json\n  nod openapi --part device --oas 3.1")]
    Openapi(openapi::Which),
    /// Completion for a shell
    Completions(pages::Completions),
    /// Manual pages
    Man(pages::ManPages),
    /// Which build this is
    Version(version::Arguments),
}

/// Where the settings are.
#[derive(Args, Clone)]
struct Settings {
    /// A configuration file; may be repeated, later ones win [default: nod.toml]
    #[arg(short, long, value_name = "FILE", env = "NOD_CONFIG", hide_env_values = true)]
    config: Vec<PathBuf>,
    /// One setting, stronger than files and environment
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Settings {
    /// Without a file, everything may come from the environment.
    fn sources(&self) -> Sources {
        let mut files = self.config.clone();
        let usual = Path::new("nod.toml");
        if files.is_empty() && usual.exists() {
            files.push(usual.to_owned());
        }
        Sources { files, flags: self.set.clone() }
    }
}

/// What a server logs.
#[derive(Args, Clone, Copy, Default)]
struct Logging {
    /// Warnings and errors only; in dev mode, no start screen
    #[arg(short, long)]
    quiet: bool,
    /// Also what is no news, such as polls that are too early
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// Lines for people, or JSON [default: text in dev mode, else `log.format`]
    #[arg(long, value_enum, value_name = "text|json", hide_possible_values = true)]
    log: Option<Log>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    Text,
    Json,
}

impl Logging {
    const fn detail(self) -> Detail {
        match self {
            Self { quiet: true, .. } => Detail::Warnings,
            Self { verbose: true, .. } => Detail::All,
            Self { .. } => Detail::Steps,
        }
    }

    fn format(self, usual: Format) -> Format {
        self.log.map_or(usual, |log| match log {
            Log::Text => Format::Text,
            Log::Json => Format::Json,
        })
    }
}

/// Which server's data a command works on: a configured one, or dev mode's.
#[derive(Args, Clone)]
struct Place {
    /// Configuration, may repeat
    ///
    /// A configuration file; later ones win. Without one, the command works on dev mode's data.
    #[arg(short, long, value_name = "FILE", env = "NOD_CONFIG", hide_env_values = true, global = true)]
    config: Vec<PathBuf>,
    /// Dev mode's data, without -c
    #[arg(long, value_name = "DIR", default_value = ".nod", conflicts_with = "config", global = true)]
    data_dir: PathBuf,
}

/// Parses, runs, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.color.choose();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Exit::failed(format!("the runtime does not start: {error}")).report(),
    };
    let result = runtime.block_on(run(cli.command));
    // A connection that does not end must not keep a command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run(command: Option<Command>) -> Result<(), Exit> {
    match command {
        None if Path::new("nod.toml").exists() => Err(Exit::usage(
            "found ./nod.toml: run `nod serve`, or `nod dev` for dev mode. Production is never guessed.",
        )),
        None => dev::run(dev::Arguments::default()).await,
        Some(Command::Dev(arguments)) => dev::run(arguments).await,
        Some(Command::Serve { settings, logging }) => serve::run(&settings, logging).await,
        Some(Command::Phone(args)) => phone::run(args).await,
        Some(Command::Test { what }) => relying_party::run(what).await,
        Some(Command::Listen(arguments)) => listen::run(arguments).await,
        Some(Command::Tail(arguments)) => tail::run(&arguments).await,
        Some(Command::Client { action, place }) => client::run(*action, &place).await,
        Some(Command::User { action, place }) => user::run(action, &place).await,
        Some(Command::Device { action, place }) => device::run(action, &place).await,
        Some(Command::Session { action, place }) => session::run(action, &place).await,
        Some(Command::Request { action, place }) => request::run(action, &place).await,
        Some(Command::InitialToken { action, place }) => initial_token::run(action, &place).await,
        Some(Command::Policy { action, place }) => policy::run(action, &place).await,
        Some(Command::MfaPolicy { action, place }) => mfa_policy::run(action, &place).await,
        Some(Command::NativeApplication { action, place }) => native_application::run(action, &place).await,
        Some(Command::Webhook { action, place }) => webhook::run(action, &place).await,
        Some(Command::Keys { action, place }) => keys::run(action, &place).await,
        Some(Command::Audit { action, place }) => audit::run(action, &place).await,
        Some(Command::Migrate { action, place }) => migrate::run(action, &place).await,
        Some(Command::Config { action }) => config::run(action),
        Some(Command::Apply(arguments)) => apply::run(&arguments).await,
        Some(Command::Export(arguments)) => apply::export(&arguments).await,
        Some(Command::Doctor(arguments)) => doctor::run(arguments).await,
        Some(Command::Healthcheck(arguments)) => healthcheck::run(&arguments).await,
        Some(Command::Openapi(which)) => openapi::run(&which).await,
        Some(Command::Completions(arguments)) => {
            pages::completions(&arguments);
            Ok(())
        }
        Some(Command::Man(arguments)) => pages::man(&arguments),
        Some(Command::Version(arguments)) => {
            version::run(&arguments);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::Cli;

    /// Of a command and all below it: what `--help` would leave without a word.
    fn unexplained(command: &Command, path: &str) -> Vec<String> {
        let path = format!("{path} {}", command.get_name());
        let mut found = Vec::new();
        if command.get_about().is_none() {
            found.push(path.clone());
        }
        let arguments = command.get_arguments().filter(|argument| argument.get_help().is_none());
        found.extend(arguments.map(|argument| format!("{path} {argument}")));
        found.extend(command.get_subcommands().flat_map(|inner| unexplained(inner, &path)));
        found
    }

    #[test]
    fn every_command_and_every_argument_is_explained() {
        let mut command = Cli::command();
        command.build();
        assert_eq!(unexplained(&command, ""), Vec::<String>::new());
    }
}
