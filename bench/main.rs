//! The load bench: what `nod` costs, next to a bare server that does only the unavoidable part of the
//! same exchange. `bench/README.md` says how each published figure is reproduced.
//!
//! | module | what it is |
//! |---|---|
//! | [`bare`] | the bare server |
//! | [`cast`], [`phone`] | relying parties, people and phones, and the database that knows them |
//! | [`driver`] | connections, requests, latencies |
//! | [`scenario`] | the steps that are measured on both servers |
//! | [`provider`] | those that only `nod` has |
//! | [`waiting`] | requests that wait for an answer |
//! | [`machine`] | processes, processors, processor time |
//! | [`stage`] | one whole run |
//! | [`report`] | the table and the record |

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program to be watched, that stops at the first surprise"
)]

#[path = "../tests/suite/backends.rs"]
#[expect(dead_code, clippy::unwrap_used, clippy::panic, reason = "shared with the tests, whose rules it follows")]
mod backends;
mod bare;
mod cast;
mod driver;
mod machine;
mod phone;
mod profile;
mod provider;
mod report;
mod scenario;
mod stage;
mod waiting;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Parser)]
#[command(about = "Measures what nod costs, next to a bare server")]
pub(crate) struct Arguments {
    /// A look instead of a measurement: fewer operations, fewer rounds.
    #[arg(long)]
    quick: bool,
    /// Only these; all of them when absent.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Times that bare and nod are measured in turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// Concurrent connections.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Record where nod spends its time with `perf`, into this directory.
    #[arg(long)]
    profile: Option<PathBuf>,
    /// What Cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    hidden: Option<Hidden>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Ask, poll, approve, redeem.
    Flow,
    /// Polls with 1k, 10k, 100k requests outstanding, and what those take in Redis.
    Poll,
    /// Discovery and JWKS.
    Documents,
    /// The flow in other ways: inbox fetched, JWT access tokens.
    Variants,
    /// The ordinary sign-in, refresh, client credentials, UserInfo, introspection.
    Provider,
    /// Flow and poll on the embedded store, and what requests that wait take there.
    Embedded,
    /// The flow with PostgreSQL.
    Postgres,
}

#[derive(Debug, Subcommand)]
enum Hidden {
    #[command(hide = true)]
    Bare(bare::Arguments),
}

impl Arguments {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Hidden::Bare(bare)) = &arguments.hidden {
        return ended(bare::serve(bare));
    }
    let cores = machine::pin();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    ended(runtime.block_on(stage::run(&arguments, &cores)))
}

fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
