//! `nod openapi`: the document of the API, as it is committed under `openapi/`.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::app;
use crate::cli::dev::settings;
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::clock::SystemClock;
use crate::entropy::Entropy;
use crate::secret::Secret;
use crate::store::sql::Database;
use crate::worker::Worker;

/// The document follows from the types; a server in memory is the shortest way to all of them.
pub(super) async fn run() -> Result<(), Exit> {
    let database = Database::connect(&Secret::new("sqlite::memory:".to_owned())).await?;
    database.migrate().await?;
    let settings = settings("http://localhost:8080", Secret::new([0; 32]))?;
    let place = (Arc::new(SystemClock) as _, Arc::new(Entropy::default()));
    let app = app::build(settings, database, place, &Worker::default(), CancellationToken::new()).await?;
    say(&app.openapi);
    Ok(())
}
