//! The command line: one file per subcommand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::cli::exit::Exit;

mod audit;
mod client;
mod dev;
mod device;
mod exchange;
mod exit;
mod keys;
mod migrate;
mod openapi;
mod opened;
mod phone;
mod request;
mod serve;
mod terminal;
mod test_ciba;
mod user;

/// OpenID Provider with backchannel approvals on trusted devices.
#[derive(Parser)]
#[command(name = "nod", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Everything on localhost, seeded, throw-away (the default without a config file)
    Dev(dev::Arguments),
    /// Production server
    Serve(ConfigFile),
    /// A virtual device in this terminal
    Phone(phone::Args),
    /// Act as a relying party and print each step
    Test {
        #[command(subcommand)]
        what: Test,
    },
    /// Relying parties
    Client {
        #[command(subcommand)]
        action: client::Action,
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
    /// Questions that wait for an answer
    Request {
        #[command(subcommand)]
        action: request::Action,
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
    /// Print the `OpenAPI` document
    Openapi(openapi::Which),
}

#[derive(Subcommand)]
enum Test {
    /// Ask a person through CIBA, poll, verify the tokens
    Ciba(test_ciba::Args),
}

#[derive(Args)]
struct ConfigFile {
    /// The configuration
    #[arg(short, long, value_name = "FILE", env = "NOD_CONFIG", default_value = "nod.toml")]
    config: PathBuf,
}

/// Which server's data a command works on: a configured one, or dev mode's.
#[derive(Args)]
struct Place {
    /// The configuration; without one, the data of dev mode
    #[arg(short, long, value_name = "FILE", env = "NOD_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// The data of dev mode
    #[arg(long, value_name = "DIR", default_value = ".nod", conflicts_with = "config", global = true)]
    data_dir: PathBuf,
}

/// Parses, runs, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
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
        Some(Command::Serve(file)) => serve::run(&file.config).await,
        Some(Command::Phone(args)) => phone::run(args).await,
        Some(Command::Test { what: Test::Ciba(args) }) => test_ciba::run(args).await,
        Some(Command::Client { action, place }) => client::run(action, &place).await,
        Some(Command::User { action, place }) => user::run(action, &place).await,
        Some(Command::Device { action, place }) => device::run(action, &place).await,
        Some(Command::Request { action, place }) => request::run(action, &place).await,
        Some(Command::Keys { action, place }) => keys::run(action, &place).await,
        Some(Command::Audit { action, place }) => audit::run(action, &place).await,
        Some(Command::Migrate { action, place }) => migrate::run(action, &place).await,
        Some(Command::Openapi(which)) => openapi::run(&which).await,
    }
}
