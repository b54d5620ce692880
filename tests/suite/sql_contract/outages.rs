//! The database goes away and comes back.

use std::time::{Duration, Instant};

use nod::domain::audit::Action;
use nod::domain::authentication_request::Decision;
use nod::protocol::id::RequestId;
use nod::store::ephemeral::StoreError;
use nod::store::sql::ledger::Decided;
use sea_orm::ConnectionTrait as _;

use super::stage::{Stage, until};
use crate::backends::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_node_knows_nothing_and_recovers() {
    let postgres = Postgres::start();
    let stage = Stage::on(postgres.database(), None).await;
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert!(here.directory.user(&alice.id).await.unwrap().is_some());

    postgres.kill();
    let waited = until(async || here.directory.user(&alice.id).await.is_err()).await;
    assert!(waited < Duration::from_millis(1500), "a cache must not hide a dead database: {waited:?}");
    let start = Instant::now();
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    let decided = here.ledger.decide(record.clone(), stage.event(Action::RequestCancelled)).await;
    assert!(matches!(decided, Err(StoreError::Unavailable(_))), "{decided:?}");
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    for _ in 0..50 {
        here.ledger.audit(stage.event(Action::InputRefused)).await;
    }

    postgres.revive();
    let waited = until(async || here.directory.user(&alice.id).await.is_ok()).await;
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    let event = stage.event(Action::RequestCancelled);
    until(async || here.ledger.decide(record.clone(), event.clone()).await.is_ok()).await;
    until(async || stage.count("SELECT COUNT(*) FROM audit WHERE action = 'input.refused'").await == 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_waited_for() {
    let postgres = Postgres::start();
    let stage = Stage::on(postgres.database(), None).await;
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert!(here.directory.user(&alice.id).await.unwrap().is_some());
    postgres.pause();
    let start = Instant::now();
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    assert!(here.ledger.decide(record.clone(), stage.event(Action::RequestCancelled)).await.is_err());
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    let start = Instant::now();
    assert!(here.directory.user(&alice.id).await.is_err());
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    postgres.unpause();
    let waited = until(async || {
        let event = stage.event(Action::RequestCancelled);
        here.directory.user(&alice.id).await.is_ok() && here.ledger.decide(record.clone(), event).await.is_ok()
    })
    .await;
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(stage.count("SELECT COUNT(*) FROM decision").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_has_locked_is_not_waited_for() {
    let stage = Stage::sqlite().await;
    let [here, _] = &stage.nodes;
    let other = sea_orm::Database::connect(&stage.url).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let start = Instant::now();
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    let decided = here.ledger.decide(record.clone(), stage.event(Action::RequestCancelled)).await;
    assert!(matches!(decided, Err(StoreError::Unavailable(_))), "{decided:?}");
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    assert!(here.directory.user_by_username("alice").await.unwrap().is_none(), "reading goes on");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    let event = stage.event(Action::RequestCancelled);
    let decided = here.ledger.decide(record, event).await.unwrap();
    assert_eq!(decided, Decided::First, "what was not answered was not done");
}
