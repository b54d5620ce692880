//! What the migrations find and leave.

use std::time::{Duration, Instant};

use nod::secret::Secret;
use nod::store::sql::Database;
use sea_orm::{ConnectionTrait as _, Statement};

use crate::backends::Postgres;

/// In a database of the version before, a commit whose answer was lost may have left its events twice.
#[tokio::test]
async fn events_that_are_there_twice_become_one() {
    let directory = tempfile::tempdir().unwrap();
    for url in [Postgres::shared().database(), format!("sqlite:{}/nod.db", directory.path().display())] {
        let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
        database.migrate().await.unwrap();
        let raw = sea_orm::Database::connect(&url).await.unwrap();
        let backend = raw.get_database_backend();
        let write = async |id: u8, reason: &str| {
            let sql = "INSERT INTO audit (seq, id, at, action, result, reason) \
                       SELECT COALESCE(MAX(seq), 0) + 1, $1, 0, 'input.refused', 'refused', $2 FROM audit";
            let values = [vec![id; 16].into(), reason.into()];
            raw.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await
        };
        let before = "DROP INDEX audit_id; \
                      DELETE FROM seaql_migrations WHERE version = 'm0002_events_are_there_once'";
        raw.execute_unprepared(before).await.unwrap();
        for (id, reason) in [(1, "one"), (2, "two"), (1, "one"), (3, "three"), (1, "one")] {
            write(id, reason).await.unwrap();
        }
        database.migrate().await.unwrap();
        let rows = raw.query_all_raw(Statement::from_string(backend, "SELECT reason FROM audit ORDER BY seq"));
        let rows = rows.await.unwrap();
        let reasons: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(reasons, ["one", "two", "three"]);
        assert!(write(2, "again").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_says_what_it_lacks_and_whether_it_works() {
    let postgres = Postgres::start();
    for url in [postgres.database(), "sqlite::memory:".to_owned()] {
        let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
        database.ping().await.unwrap();
        assert_eq!(
            database.pending_migrations().await.unwrap(),
            [
                "m0001_first",
                "m0002_events_are_there_once",
                "m0003_administration",
                "m0004_audit_chain",
                "m0005_passwords",
                "m0006_sign_in",
                "m0007_sign_on",
                "m0008_extent",
                "m0009_bound_tokens",
                "m0010_initial_access_tokens",
                "m0011_passkeys",
                "m0012_user_codes",
                "m0013_addresses",
                "m0014_device_trust",
                "m0015_device_application",
                "m0016_otp_devices",
                "m0017_push",
                "m0018_passcodes",
                "m0020_app_standing",
                "m0021_pairing_key_used_by",
                "m0022_push_enabled",
                "m0024_device_passcode",
                "m0027_consent_id",
                "m0029_pairing_key_in_flow",
                "m0030_pairing_key_application",
                "m0031_session_second",
                "m0032_remembered_browser",
            ]
        );
        database.migrate().await.unwrap();
        database.migrate().await.unwrap();
        assert!(database.pending_migrations().await.unwrap().is_empty());
        if url.starts_with("postgres") {
            postgres.kill();
            let start = Instant::now();
            assert!(database.ping().await.is_err());
            assert!(start.elapsed() < Duration::from_millis(600));
        }
    }
}
