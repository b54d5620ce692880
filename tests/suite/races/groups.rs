//! What is committed together: no group waits for another, and each request is decided once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nod::clock::{Clock as _, SystemClock};
use nod::domain::audit::{Action, Event};
use nod::domain::authentication_request::{Decision, Denial};
use nod::domain::decision::Record;
use nod::entropy::Entropy;
use nod::protocol::acr::Acr;
use nod::protocol::id::{ClientId, NotificationId, RequestId, UserId};
use nod::protocol::scope::Scope;
use nod::secret::Digest;
use nod::store::sql::ledger::Decided;

use crate::backends::{Postgres, Redis};
use crate::nodes::{Pending, Site, Sql};

/// Two nodes commit groups of the same decisions in opposite orders. PostgreSQL would let each wait
/// for the other until one of them is told "deadlock", a second later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_groups_in_opposite_orders_do_not_lock_each_other_out() {
    let site = Site::new(Sql::Postgres(Postgres::shared()), Pending::Redis(Redis::shared())).await;
    let ledgers = [site.ledger().await, site.ledger().await];
    let entropy = Entropy::default();
    for _ in 0..10 {
        let records: Vec<Record> = (0..64).map(|_| cancelled(&entropy)).collect();
        let decide = |n: usize, record: &Record| {
            let event = Event::new(entropy.uuid(), record.decided_at, Action::RequestCancelled).request(record.request);
            let (ledger, record) = (&ledgers[n], record.clone());
            async move { ledger.decide(record, event).await }
        };
        let one = join_all(records.iter().map(|record| decide(0, record)));
        let other = join_all(records.iter().rev().map(|record| decide(1, record)));
        let start = Instant::now();
        let (one, other) = tokio::join!(one, other);
        for (one, other) in one.into_iter().zip(other.into_iter().rev()) {
            let (one, other) = (one.expect("a verdict"), other.expect("a verdict"));
            assert_ne!(one == Decided::First, other == Decided::First, "{one:?} and {other:?}");
        }
        assert!(start.elapsed() < Duration::from_millis(900), "they waited for each other");
    }
}

/// Many say different things about one request in one group: the first of them counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_one_group_decides_once() {
    for sql in [Sql::Sqlite, Sql::Postgres(Postgres::shared())] {
        let site = Site::new(sql, Pending::Redis(Redis::shared())).await;
        let (ledger, entropy) = (site.ledger().await, Entropy::default());
        for _ in 0..10 {
            let request = cancelled(&entropy);
            let verdicts = join_all((0..48).map(|n| {
                let outcome = if n % 2 == 0 { Decision::Cancelled } else { Decision::Denied(Denial::Refused) };
                let record = Record { outcome, ..request.clone() };
                let event = Event::new(entropy.uuid(), record.decided_at, Action::RequestCancelled);
                ledger.decide(record, event.request(request.request))
            }))
            .await;
            let verdicts: Vec<Decided> = verdicts.into_iter().map(|verdict| verdict.expect("a verdict")).collect();
            let firsts = verdicts.iter().filter(|verdict| **verdict == Decided::First).count();
            assert_eq!(firsts, 1, "{verdicts:?}");
            let stands: Vec<&Decided> = verdicts.iter().filter(|verdict| **verdict != Decided::First).collect();
            assert!(stands.windows(2).all(|two| two[0] == two[1]), "{verdicts:?}");
            assert_eq!(site.facts.audited(request.request, Action::RequestCancelled).await, 1);
        }
    }
}

fn cancelled(entropy: &Entropy) -> Record {
    Record {
        request: RequestId::new(entropy.uuid()),
        request_digest: Digest::of(&entropy.bytes::<8>()),
        notification: NotificationId::new(entropy.uuid()),
        client: ClientId::parse("shop").expect("a client_id"),
        user: UserId::new(entropy.uuid()),
        device: None,
        outcome: Decision::Cancelled,
        acr: Acr::Device,
        evidence: None,
        context_hash: None,
        shown: None,
        decided_at: SystemClock.now(),
        scope: Scope::parse("openid").expect("a scope"),
        issued_at: SystemClock.now(),
        expires_at: SystemClock.now(),
    }
}
