//! `nod openapi`: the document of the API, as it is committed under `openapi/`.

use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::app;
use crate::cli::dev::settings;
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::clock::SystemClock;
use crate::entropy::Entropy;
use crate::http::openapi::{Part, Version};
use crate::secret::Secret;
use crate::store::sql::Database;
use crate::worker::Worker;

#[derive(Args)]
pub(super) struct Which {
    /// One part of it
    #[arg(long, value_parser = part, default_value = "all", value_name = "all|protocol|flow|device|admin")]
    part: Part,
    /// The version of the specification
    #[arg(long, value_parser = version, default_value = "3.0", value_name = "3.0|3.1")]
    oas: Version,
}

fn part(text: &str) -> Result<Part, &'static str> {
    Part::parse(text).ok_or("there is no such part")
}

fn version(text: &str) -> Result<Version, &'static str> {
    Version::parse(text).ok_or("3.0 or 3.1")
}

/// The document follows from the types; a server in memory is the shortest way to all of them.
pub(super) async fn run(which: &Which) -> Result<(), Exit> {
    let database = Database::connect(&Secret::new("sqlite::memory:".to_owned())).await?;
    database.migrate().await?;
    let settings = settings("http://localhost:8080", Secret::new([0; 32]))?;
    let place = (Arc::new(SystemClock) as _, Arc::new(Entropy::default()));
    let app = app::build(settings, database, place, &Worker::default(), CancellationToken::new()).await?;
    say(String::from_utf8_lossy(&app.documents.openapi.text(which.part, which.oas)).trim_end());
    Ok(())
}
