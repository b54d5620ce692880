//! Races over two nodes on one database and one Redis (`docs/reliability-tests.md`, R1 to R15).
//!
//! Every race runs on three stages: two processes on a SQLite file, two processes on PostgreSQL, and
//! two nodes in this process whose store yields between every read and the write that follows. The
//! last one finds what the others meet seldom; a race test proves nothing unless something yields
//! there. After each round the stores are asked, not only the answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nod::clock::{Clock, ManualClock, SystemClock};
use nod::domain::audit::Action;
use nod::domain::authentication_request::State;
use nod::entropy::Entropy;
use nod::protocol::id::RequestId;
use nod::store::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Topic, Version, Versioned, Wakeups};
use nod_device::Notification;
use nod_device::proof::DEVICE_PROOF;
use serde_json::json;

use crate::backends::{Postgres, Redis};
use crate::nodes::{Answer, Inside, Node, Pending, Phone, RelyingParty, Site, Sql, send, until, volley};

/// How many do the same thing at once, and how often that is tried.
const CROWDS: [(usize, usize); 4] = [(2, 20), (4, 12), (16, 6), (64, 2)];

struct Stage {
    site: Site,
    at: [SocketAddr; 2],
    shop: RelyingParty,
    /// Two phones of one person.
    phones: [Phone; 2],
    /// Where the test, not the machine, says what time it is.
    clock: Option<Arc<ManualClock>>,
    _processes: Vec<Node>,
    _inside: Vec<Inside>,
}

impl Stage {
    async fn processes(sql: Sql<'_>) -> Self {
        let site = Site::new(sql, Pending::Redis(Redis::shared())).await;
        let shop = site.relying_party("shop", false).await;
        let (one, other) = tokio::join!(site.node(), site.node());
        let at = [one.public, other.public];
        let phones = Self::phones(&site, at).await;
        Self { site, at, shop, phones, clock: None, _processes: vec![one, other], _inside: Vec::new() }
    }

    async fn inside() -> Self {
        let site = Site::new(Sql::Sqlite, Pending::Redis(Redis::shared())).await;
        let shop = site.relying_party("shop", false).await;
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let node = || site.inside(clock.clone(), |store| Arc::new(Yielding { store, entropy: Entropy::default() }));
        let inside = vec![node().await, node().await];
        let at = [inside[0].public, inside[1].public];
        let phones = Self::phones(&site, at).await;
        Self { site, at, shop, phones, clock: Some(clock), _processes: Vec::new(), _inside: inside }
    }

    async fn phones(site: &Site, at: [SocketAddr; 2]) -> [Phone; 2] {
        let alice = site.person("alice").await;
        let (one, other) = (site.pairing_key(alice).await, site.pairing_key(alice).await);
        let phones = [Phone::pair(at[0], &one).await, Phone::pair(at[1], &other).await];
        // The other node has to learn of the phone: within a second, says reliability.md.
        for (phone, at) in [(&phones[0], at[1]), (&phones[1], at[0])] {
            until("a known phone", Duration::from_secs(2), || async {
                (phone.sends(at, &phone.me()).await.status == 200).then_some(())
            })
            .await;
        }
        phones
    }

    fn at(&self, n: usize) -> SocketAddr {
        self.at[n % 2]
    }

    /// A question that waits, as the phones see it.
    async fn question(&self, round: usize, more: &[(&str, &str)]) -> Question {
        let id = self.shop.asks(self.at(round), "alice", more).await;
        let request = self.site.facts.request(&id).await.expect("a request").id;
        let pending = self.phones[round % 2].pending(self.at(round + 1)).await;
        let stored = self.site.facts.request(&id).await.expect("a request").notification.uuid();
        let notification = pending.into_iter().find(|shown| shown.notification_id.uuid() == stored);
        Question { id, request, notification: notification.expect("a question on the phone") }
    }

    /// The question has this many grants, decisions and events, and no more.
    async fn settled(&self, question: &Question, decision: Option<&str>, redeemed: i64) {
        let (facts, request) = (&self.site.facts, question.request);
        assert_eq!(facts.decision(request).await.as_deref(), decision, "decision of {request}");
        assert_eq!(facts.grants(request).await, redeemed, "grants of {request}");
        assert_eq!(facts.refresh_tokens(request).await, redeemed, "refresh tokens of {request}");
        for (action, outcome) in [
            (Action::RequestApproved, "approved"),
            (Action::RequestDenied, "denied"),
            (Action::RequestCancelled, "cancelled"),
        ] {
            let times = facts.audited(request, action).await;
            assert_eq!(times, i64::from(decision == Some(outcome)), "{action:?} of {request}");
        }
        assert_eq!(facts.audited(request, Action::RequestRedeemed).await, redeemed, "redeemed {request}");
        // Written by itself, so perhaps a moment later.
        until("the event of the request", Duration::from_secs(3), || async {
            (facts.audited(request, Action::RequestCreated).await == 1).then_some(())
        })
        .await;
    }
}

struct Question {
    id: String,
    request: RequestId,
    notification: Notification,
}

/// Lets others run between a read and what follows it, and before every first use.
struct Yielding {
    store: Arc<dyn Ephemeral>,
    entropy: Entropy,
}

impl Yielding {
    async fn others_first(&self) {
        match self.entropy.below(3) {
            0 => tokio::task::yield_now().await,
            n => tokio::time::sleep(Duration::from_micros(u64::from(n) * 700)).await,
        }
    }
}

#[async_trait]
impl Ephemeral for Yielding {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        self.others_first().await;
        self.store.insert(key, value, lifetime).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let found = self.store.get(key).await;
        self.others_first().await;
        found
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        self.store.swap(key, seen, value, lifetime).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.store.remove(key).await
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        self.store.count(key, window).await
    }

    async fn wake(&self, topic: &Topic) {
        self.store.wake(topic).await;
    }

    async fn watch(&self, topic: &Topic) -> Wakeups {
        self.store.watch(topic).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

async fn at_once(requests: Vec<(SocketAddr, Vec<u8>)>) -> Vec<Answer> {
    volley(requests).await.into_iter().map(|answer| answer.expect("an answer")).collect()
}

fn codes(answers: &[Answer]) -> Vec<(u16, &str)> {
    answers.iter().map(|answer| (answer.status, answer.code())).collect()
}

/// The proof that a request of a phone carried.
fn proof(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let line = text.lines().find_map(|line| line.strip_prefix(DEVICE_PROOF)).expect("a proof");
    line.trim_start_matches(": ").to_owned()
}

/// R1: N polls of one approved request. One gets the tokens, and they work.
async fn r1(stage: &Stage) {
    for (crowd, rounds) in CROWDS {
        for round in 0..rounds {
            let question = stage.question(round, &[]).await;
            let approve = stage.phones[0].approve(&question.notification);
            stage.phones[0].sends(stage.at(round), &approve).await.is(200, "");

            let polls = (0..crowd).map(|n| (stage.at(n), stage.shop.poll(&question.id))).collect();
            let answers = at_once(polls).await;
            let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
            assert_eq!(won.len(), 1, "token sets of {crowd} polls: {:?}", codes(&answers));
            for answer in lost {
                assert!(matches!((answer.status, answer.code()), (400, "invalid_grant" | "slow_down")), "{answer:?}");
            }
            stage.settled(&question, Some("approved"), 1).await;
            let state = stage.site.facts.request(&question.id).await.expect("a request").state;
            assert_eq!(state, State::Redeemed);
            // A late loser must not have revoked anything.
            let refresh = stage.shop.refresh(won[0].text("refresh_token"));
            send(stage.at(round), &refresh).await.expect("an answer").is(200, "");
            stage.shop.polls(stage.at(round), &question.id).await.is(400, "invalid_grant");
        }
    }
}

/// R7: one phone says yes, the other no, several times each. The first answer counts, whoever is
/// later is told so, and both phones hear of the end.
async fn r7(stage: &Stage) {
    let mut listeners = [stage.phones[0].listen(stage.at[1]).await, stage.phones[1].listen(stage.at[0]).await];
    for (crowd, rounds) in CROWDS {
        for round in 0..rounds {
            let question = stage.question(round, &[]).await;
            let id = json!(question.notification.notification_id);
            for listener in &mut listeners {
                assert_eq!(listener.next("notification").await["notificationId"], id);
            }
            let answers: Vec<Vec<u8>> = (0..crowd)
                .map(|n| match (n + round) % 2 {
                    0 => stage.phones[0].approve(&question.notification),
                    _ => stage.phones[1].deny(&question.notification),
                })
                .collect();
            let requests = answers.iter().enumerate().map(|(n, answer)| (stage.at(n), answer.clone())).collect();
            let told = at_once(requests).await;
            let won: Vec<usize> = (0..crowd).filter(|n| told[*n].status == 200).collect();
            assert_eq!(won.len(), 1, "decisions of {crowd}: {:?}", codes(&told));
            let winner = won[0];
            for (_, answer) in told.iter().enumerate().filter(|(n, _)| *n != winner) {
                answer.is(409, "ALREADY_DECIDED");
            }
            let approved = (winner + round) % 2 == 0;
            let (outcome, code) = if approved { ("approved", "") } else { ("denied", "access_denied") };
            // Who won is who is in the record, with the signature that was sent.
            let evidence = stage.site.facts.evidence(question.request).await.expect("a decision");
            assert_eq!(evidence, proof(&answers[winner]));
            let poll = stage.shop.polls(stage.at(round), &question.id).await;
            assert_eq!(poll.code(), code, "{poll:?}");
            stage.settled(&question, Some(outcome), i64::from(approved)).await;
            for listener in &mut listeners {
                let gone = listener.next("canceled").await;
                assert_eq!(gone, json!({ "notificationId": id, "reason": "ALREADY_DECIDED" }));
            }
        }
    }
}

macro_rules! races {
    ($($name:ident: $race:ident;)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $race(&Stage::processes(Sql::Sqlite).await).await;
            })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $race(&Stage::processes(Sql::Postgres(Postgres::shared())).await).await;
            })*
        }
        mod yielding {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $race(&Stage::inside().await).await;
            })*
        }
    };
}

races! {
    r1_one_approval_gives_one_token_set: r1;
    r7_the_first_answer_counts: r7;
}
