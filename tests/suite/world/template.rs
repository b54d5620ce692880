//! What every world begins with.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use nod::app;
use nod::clock::{Clock, ManualClock};
use nod::domain::audit::{Action, Event};
use nod::entropy::Entropy;
use nod::secret::Secret;
use nod::store::sql::Database;
use nod::store::sql::directory::Directory;
use nod::store::sql::keys::SigningKeys;
use nod::worker::Worker;
use tokio_util::sync::CancellationToken;

use super::BEGIN;
use super::build::settings;

/// A directory that no disk sees, where there is such a thing.
pub(super) fn in_memory(what: &str) -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let parent = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix(&format!("nod-{what}-")).tempdir_in(parent).unwrap()
}

/// A database with its tables and its signing keys: an RSA key takes longer to make than most tests
/// take to run, so all worlds begin with the same ones.
pub(super) fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    static COPIES: AtomicU32 = AtomicU32::new(0);
    TEMPLATE.get_or_init(|| {
        let directory = in_memory("template");
        let file = directory.path().join("nod.db");
        let copy = directory.path().join(format!("copy{}.db", COPIES.fetch_add(1, Ordering::SeqCst)));
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let runtime = runtime.unwrap();
                runtime.block_on(make_template(&file, &copy));
                runtime.shutdown_background();
            });
            made.join().unwrap();
        });
        std::fs::read(copy).unwrap()
    })
}

/// The keys of the template, to a database that was not copied from it.
pub(super) async fn give_keys(database: &Database) {
    let keys_of = |database: &Database| {
        let (directory, _) = Directory::new(database.clone());
        SigningKeys::new(database.clone(), directory)
    };
    let keys = keys_of(database);
    if !keys.load().await.unwrap().is_empty() {
        return;
    }
    let directory = in_memory("keys");
    let file = directory.path().join("nod.db");
    std::fs::write(&file, template()).unwrap();
    let template = Database::connect(&Secret::new(format!("sqlite:{}", file.display()))).await.unwrap();
    for key in keys_of(&template).load().await.unwrap() {
        let event = Event::new(Entropy::default().uuid(), BEGIN, Action::KeyCreated);
        keys.insert(&key, &event).await.unwrap();
    }
}

async fn make_template(file: &Path, copy: &Path) {
    use sea_orm::ConnectionTrait as _;
    let url = format!("sqlite:{}", file.display());
    let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
    database.migrate().await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(BEGIN));
    let entropy = Arc::new(Entropy::seeded(0));
    let (worker, shutdown) = (Worker::default(), CancellationToken::new());
    let issuer = "http://localhost:1".to_owned();
    let app = app::build(settings(issuer), database, (clock, entropy), &worker, shutdown).await.unwrap();
    // The current keys are there; now the next ones too, so that no world has any to make.
    app.parts.keys.tend().await.unwrap();
    let sql = sea_orm::Database::connect(&url).await.unwrap();
    sql.execute_unprepared(&format!("VACUUM INTO '{}'", copy.display())).await.unwrap();
}
