//! A database whose file is damaged (`docs/spec.md`, F17).

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

use super::config::Site;
use super::doctor::{checks, has};
use super::*;

async fn number(database: &DatabaseConnection, sql: &str) -> usize {
    let row = database.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    usize::try_from(row.unwrap().try_get_by_index::<i64>(0).unwrap()).unwrap()
}

/// The whole file, and where the first page of the refresh tokens begins: nobody reads it at the start.
async fn file_and_page(site: &Site) -> (Vec<u8>, usize) {
    let file = site.path("nod.db");
    let database = sea_orm::Database::connect(format!("sqlite:{}", file.display())).await.unwrap();
    database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let page = number(&database, "SELECT rootpage + 0 FROM sqlite_master WHERE name = 'refresh_token'").await;
    let size = number(&database, "PRAGMA page_size").await;
    database.close().await.unwrap();
    (fs::read(file).unwrap(), (page - 1) * size)
}

#[tokio::test]
async fn f17_a_damaged_database_is_not_served() {
    let site = Site::new().migrated();
    drop(site.serve());
    let (whole, page) = file_and_page(&site).await;
    let with = |bytes: &[u8]| {
        for beside in ["nod.db-wal", "nod.db-shm"] {
            // Where the last one that looked has left something.
            drop(fs::remove_file(site.path(beside)));
        }
        fs::write(site.path("nod.db"), bytes).unwrap();
    };

    let mut one_page = whole.clone();
    one_page[page..page + 64].fill(0xff);
    with(&one_page);
    let text = site.run(&["serve"]).ends_with(1);
    assert!(text.contains("the database is damaged") && text.contains("docs/backup.md"), "{text}");
    has(&checks(site.run(&["doctor", "--offline", "--json"]), 1), "database", "wrong", "damaged");

    for (bytes, says) in
        [(&whole[..whole.len() / 2], "malformed"), (&b"no database".repeat(1000)[..], "not a database")]
    {
        with(bytes);
        let (code, text) = site.run(&["serve"]).end();
        assert!([1, 4].contains(&code) && text.contains(says), "{code}: {text}");
    }
    with(&whole);
    site.serve();
}
