//! Races over two nodes on one database and one Redis (`docs/spec.md`, R1 to R18).
//!
//! Every race runs on three stages: two processes on a SQLite file, two processes on PostgreSQL, and
//! two nodes in this process whose store yields between every read and the write that follows. The
//! last one finds what the others meet seldom; a race test proves nothing unless something yields
//! there. After each round the stores are asked, not only the answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use nod::clock::{Clock as _, SystemClock};
use nod::domain::authentication_request::State;
use nod::entropy::Entropy;
use nod::protocol::id::RequestId;
use nod_device::Notification;
use nod_device::proof::DEVICE_PROOF;
use serde_json::json;

use self::gone::{r10, r18};
use self::yields::{Ahead, Yielding};
use crate::backends::{Postgres, Redis};
use crate::nodes::{
    Answer, Inside, Node, Pending, Phone, RelyingParty, Site, Sql, polled_to_the_end, send, until, volley,
};

mod gone;
mod groups;
mod yields;

/// How many do the same thing at once, and how often that is tried. `NOD_TEST_ROUNDS=5` tries five
/// times as often.
#[expect(clippy::disallowed_methods, reason = "no setting of the server")]
fn crowds() -> [(usize, usize); 4] {
    let times = std::env::var("NOD_TEST_ROUNDS").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    [(2, 20), (4, 12), (16, 6), (64, 2)].map(|(crowd, rounds)| (crowd, rounds * times))
}

struct Stage {
    site: Site,
    at: [SocketAddr; 2],
    shop: RelyingParty,
    /// Two phones of one person.
    phones: [Phone; 2],
    /// Where the test can make time pass.
    clock: Option<Arc<Ahead>>,
    _processes: Vec<Node>,
    _inside: Vec<Inside>,
}

impl Stage {
    async fn processes(sql: Sql<'_>) -> Self {
        let site = Site::new(sql, Pending::Redis(Redis::shared())).await.patient();
        let shop = site.relying_party("shop", false).await;
        let (one, other) = tokio::join!(site.node(), site.node());
        let at = [one.public, other.public];
        let phones = Self::phones(&site, at).await;
        Self { site, at, shop, phones, clock: None, _processes: vec![one, other], _inside: Vec::new() }
    }

    async fn inside() -> Self {
        let site = Site::new(Sql::Sqlite, Pending::Redis(Redis::shared())).await;
        let shop = site.relying_party("shop", false).await;
        let clock = Arc::new(Ahead::default());
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
        self.question_of(("alice", &self.phones[round % 2]), round, more).await
    }

    /// The same for somebody with this phone.
    async fn question_of(&self, (name, phone): (&str, &Phone), round: usize, more: &[(&str, &str)]) -> Question {
        let id = self.shop.asks(self.at(round), name, more).await;
        let stored = self.site.facts.request(&id).await.expect("a request");
        let pending = phone.pending(self.at(round + 1)).await;
        let own = pending.into_iter().find(|shown| shown.notification_id.uuid() == stored.notification.uuid());
        Question { id, request: stored.id, notification: own.expect("a question on the phone") }
    }

    /// What the stores hold.
    async fn settled(&self, question: &Question, decision: Option<&str>, redeemed: i64) {
        self.site.facts.hold(question.request, decision, redeemed).await;
    }
}

/// Whoever loses a race here lost it to somebody, not to a store that was slow for a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_races_wait_for_a_slow_store() {
    let redis = Redis::start();
    let site = Site::new(Sql::Sqlite, Pending::Redis(&redis)).await.patient();
    let shop = site.relying_party("shop", false).await;
    let node = site.node().await;
    let phone = Phone::pair(node.public, &site.pairing_key(site.person("alice").await).await).await;
    let id = shop.asks(node.public, "alice", &[]).await;
    redis.pause();
    let slow = async {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        redis.unpause();
    };
    let (answer, ()) = tokio::join!(shop.polls(node.public, &id), slow);
    answer.is(400, "authorization_pending");
    assert_eq!(phone.pending(node.public).await.len(), 1);
}

struct Question {
    id: String,
    request: RequestId,
    notification: Notification,
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
    for (crowd, rounds) in crowds() {
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
    for (crowd, rounds) in crowds() {
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
            let approved = told.iter().any(|answer| answer.body["status"] == "APPROVED");
            let (of_the_first, of_the_other): (Vec<usize>, Vec<usize>) =
                (0..crowd).partition(|n| (n + round).is_multiple_of(2) == approved);
            // A phone that says the same again is told the same.
            for n in &of_the_first {
                assert_eq!(told[*n].status, 200, "decisions of {crowd}: {:?}", codes(&told));
            }
            for n in of_the_other {
                told[n].is(409, "ALREADY_DECIDED");
            }
            let (outcome, code) = if approved { ("approved", "") } else { ("denied", "access_denied") };
            // Who won is who is in the record, with a signature that was sent.
            let evidence = stage.site.facts.evidence(question.request).await.expect("a decision");
            assert!(of_the_first.iter().any(|n| evidence == proof(&answers[*n])), "{evidence}");
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

/// R7 with many questions at once, answered in opposite orders on the two nodes. Each is decided once,
/// and nobody is turned away: two groups that meet in the database must not lock each other out.
async fn r7_crosswise(stage: &Stage) {
    for round in 0..3 {
        let mut questions = Vec::new();
        for n in 0..16 {
            questions.push(stage.question(round + n, &[]).await);
        }
        let yes = questions.iter().map(|question| stage.phones[0].approve(&question.notification));
        let no = questions.iter().rev().map(|question| stage.phones[1].deny(&question.notification));
        let requests =
            yes.map(|request| (stage.at[0], request)).chain(no.map(|request| (stage.at[1], request))).collect();
        let told = at_once(requests).await;
        for (n, question) in questions.iter().enumerate() {
            let (yes, no) = (&told[n], &told[2 * questions.len() - 1 - n]);
            let (won, lost) = if yes.status == 200 { (yes, no) } else { (no, yes) };
            won.is(200, "");
            lost.is(409, "ALREADY_DECIDED");
            let outcome = if yes.status == 200 { "approved" } else { "denied" };
            stage.settled(question, Some(outcome), 0).await;
        }
    }
}

/// R6: yes, no, cancel and the end of the time, at once. One of them counts, and whoever asks later
/// hears of the same one.
async fn r6(stage: &Stage) {
    for (crowd, rounds) in crowds() {
        for round in 0..rounds {
            let question = stage.question(round, &[]).await;
            let requests = (0..crowd).map(|n| (stage.at(n + round / 2), stage.ending(&question, n + round)));
            let told = at_once(requests.collect()).await;
            stage.agreed(&question, &told, round).await;
        }
    }
}

/// R6 around the moment at which the question expires.
async fn r6_at_the_end(stage: &Stage) {
    let shots: Vec<usize> = (0..20).collect();
    // Where time is ours to move, one after the other; otherwise the waiting is done side by side.
    let side_by_side = if stage.clock.is_some() { 1 } else { 10 };
    for some in shots.chunks(side_by_side) {
        join_all(some.iter().map(|&shot| async move {
            let question = stage.question(shot, &[("requested_expiry", "2")]).await;
            let end = stage.site.facts.request(&question.id).await.expect("a request").expires_at;
            let requests = (0..6).map(|n| (stage.at(n), stage.ending(&question, n))).collect();
            let told = if let Some(clock) = &stage.clock {
                let tick = async {
                    tokio::time::sleep(Duration::from_micros(shot as u64 * 400)).await;
                    clock.advance(end.since(clock.now()));
                };
                tokio::join!(at_once(requests), tick).0
            } else {
                let before = Duration::from_millis(3 * (shot as u64 % 12));
                tokio::time::sleep(end.since(SystemClock.now() + before)).await;
                at_once(requests).await
            };
            until("the end of the time", Duration::from_secs(2), || async {
                let now = stage.clock.as_ref().map_or_else(|| SystemClock.now(), |clock| clock.now());
                (end <= now).then_some(())
            })
            .await;
            stage.agreed(&question, &told, shot).await;
        }))
        .await;
    }
}

impl Stage {
    /// A yes, a no, or a cancellation.
    fn ending(&self, question: &Question, n: usize) -> Vec<u8> {
        match n % 3 {
            0 => self.phones[0].approve(&question.notification),
            1 => self.phones[1].deny(&question.notification),
            _ => self.shop.cancel(&question.id),
        }
    }

    /// Answers, record, evidence, audit trail and polls tell the same story.
    async fn agreed(&self, question: &Question, told: &[Answer], round: usize) {
        let decision = self.site.facts.decision(question.request).await;
        let phones = told.iter().filter(|answer| answer.header("device-nonce").is_some());
        let (yes, no): (Vec<_>, Vec<_>) = phones.partition(|answer| answer.status == 200);
        for answer in told.iter().filter(|answer| answer.header("device-nonce").is_none()) {
            answer.is(200, "");
        }
        let mut said: Vec<&str> = yes.iter().map(|answer| answer.text("status")).collect();
        // The phone that decided may have said so again.
        said.dedup();
        let (said_as, lost_as, poll_as): (&[&str], &[&str], _) = match decision.as_deref() {
            Some("approved") => (&["APPROVED"], &["ALREADY_DECIDED", "EXPIRED"], ""),
            Some("denied") => (&["DENIED"], &["ALREADY_DECIDED", "EXPIRED"], "access_denied"),
            Some("cancelled") => (&[], &["CANCELED", "EXPIRED"], "invalid_grant"),
            Some(other) => panic!("decided as {other}"),
            None => (&[], &["EXPIRED"], "expired_token"),
        };
        assert_eq!(said, said_as, "{decision:?}");
        for answer in no {
            assert!(answer.status == 409 && lost_as.contains(&answer.code()), "{decision:?}: {answer:?}");
        }
        if decision.is_some() {
            let request = self.site.facts.request(&question.id).await.expect("a request");
            let at = self.site.facts.decided_at(question.request).await;
            assert!(at < request.expires_at, "{decision:?} after the end of the time");
        }
        let signed = self.site.facts.evidence(question.request).await.unwrap_or_default();
        assert_eq!(signed.is_empty(), said.is_empty(), "evidence of {decision:?}");
        let poll = self.shop.polls(self.at(round), &question.id).await;
        assert_eq!(poll.code(), poll_as, "{decision:?}: {poll:?}");
        let redeemed = i64::from(decision.as_deref() == Some("approved"));
        self.settled(question, decision.as_deref(), redeemed).await;
    }
}

/// Polls without any pause, until `stop` says so or the answer is final. Its pace is refused, and that
/// is the point: every refusal is written down.
async fn impatient(stage: &Stage, n: usize, question: &Question, stop: &AtomicBool) -> Vec<Answer> {
    let mut told = Vec::new();
    // After sixty refusals the interval grows no more, and nothing is written.
    while told.len() < 60 && !stop.load(Ordering::Relaxed) {
        let answer = stage.shop.polls(stage.at(n), &question.id).await;
        let last = !matches!(answer.code(), "authorization_pending" | "slow_down");
        told.push(answer);
        if last {
            break;
        }
    }
    told
}

/// R8: yes, said again and again, while the client polls. A late yes brings nothing back.
async fn r8(stage: &Stage) {
    for (crowd, rounds) in crowds() {
        for round in 0..rounds {
            let question = stage.question(round, &[]).await;
            let never = AtomicBool::new(false);
            let polls = join_all((0..4).map(|n| impatient(stage, n, &question, &never)));
            let yes = join_all((0..crowd).map(|n| {
                let approve = stage.phones[n / 2 % 2].approve(&question.notification);
                async move {
                    // One after the other, so that some of them look just before the first is told.
                    tokio::time::sleep(Duration::from_micros(500) * u32::try_from(n).expect("a few")).await;
                    send(stage.at(n), &approve).await.expect("an answer")
                }
            }));
            let (polls, yes) = tokio::join!(polls, yes);
            // The phone that was first is told so each time, the other one never.
            let first = yes.iter().position(|answer| answer.status == 200).expect("a yes") / 2 % 2;
            for (n, answer) in yes.iter().enumerate() {
                if n / 2 % 2 == first {
                    answer.is(200, "")
                } else {
                    answer.is(409, "ALREADY_DECIDED")
                };
            }
            let told: Vec<Answer> = polls.into_iter().flatten().collect();
            let mut sets = told.iter().filter(|answer| answer.body["access_token"].is_string()).count();
            // Before another poll could put it right.
            let state = stage.site.facts.request(&question.id).await.expect("a request").state;
            assert!(sets == 0 || state == State::Redeemed, "a yes brought {state:?} back");
            // Every poll so far may have come too early.
            let last = polled_to_the_end(&stage.shop, stage.at(round), &question.id, Duration::from_secs(7)).await;
            sets += usize::from(last.status == 200);
            assert_eq!(sets, 1, "{last:?} after {:?}", codes(&told));

            let late = (0..4).map(|n| (stage.at(n), stage.phones[n % 2].approve(&question.notification))).collect();
            for (n, answer) in at_once(late).await.into_iter().enumerate() {
                if n % 2 == first {
                    answer.is(200, "")
                } else {
                    answer.is(409, "ALREADY_DECIDED")
                };
            }
            let state = stage.site.facts.request(&question.id).await.expect("a request").state;
            assert_eq!(state, State::Redeemed, "a late yes");
            stage.shop.polls(stage.at(round), &question.id).await.is(400, "invalid_grant");
            stage.settled(&question, Some("approved"), 1).await;
        }
    }
}

/// R9: polls that come too early, and too often, while the person says yes. Keeping count of them
/// must not overwrite the answer.
async fn r9(stage: &Stage) {
    for (crowd, rounds) in crowds() {
        for round in 0..rounds {
            let question = stage.question(round, &[]).await;
            let answered = AtomicBool::new(false);
            let polls = join_all((0..crowd).map(|n| impatient(stage, n, &question, &answered)));
            let yes = async {
                let approve = stage.phones[0].approve(&question.notification);
                let yes = send(stage.at(round), &approve).await.expect("an answer");
                answered.store(true, Ordering::Relaxed);
                yes
            };
            let (polls, yes) = tokio::join!(polls, yes);
            yes.is(200, "");
            // At once, before the worker could repair anything.
            let state = stage.site.facts.request(&question.id).await.expect("a request").state;
            assert_ne!(state, State::Pending, "the approval was overwritten");
            let told: Vec<Answer> = polls.into_iter().flatten().collect();
            let sets = told.iter().filter(|answer| answer.body["access_token"].is_string()).count();
            let last = polled_to_the_end(&stage.shop, stage.at(round), &question.id, Duration::from_secs(7)).await;
            assert_eq!(sets + usize::from(last.status == 200), 1, "{last:?} after {:?}", codes(&told));
            stage.settled(&question, Some("approved"), 1).await;
        }
    }
}

/// R15: the same assertion, and the same proof, many times at once. Each is good once.
async fn r15(stage: &Stage) {
    for (crowd, rounds) in crowds() {
        for round in 0..rounds {
            let assertion = stage.shop.assertion();
            let polls = (0..crowd).map(|n| (stage.at(n + round), RelyingParty::poll_with("no such id", &assertion)));
            let told = at_once(polls.collect()).await;
            let authenticated = told.iter().filter(|answer| answer.code() == "invalid_grant").count();
            assert_eq!(authenticated, 1, "assertions: {:?}", codes(&told));
            for answer in told.iter().filter(|answer| answer.code() != "invalid_grant") {
                answer.is(401, "invalid_client");
            }

            let me = stage.phones[0].me();
            let told = at_once((0..crowd).map(|n| (stage.at(n + round), me.clone())).collect()).await;
            let authenticated = told.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(authenticated, 1, "proofs: {:?}", codes(&told));
            for answer in told.iter().filter(|answer| answer.status != 200) {
                answer.is(401, "PROOF_REPLAYED");
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
    r01_one_approval_gives_one_token_set: r1;
    r06_yes_no_and_cancel_are_one: r6;
    r06_yes_no_and_cancel_at_the_end_of_the_time_are_one: r6_at_the_end;
    r07_the_first_answer_counts: r7;
    r07_answers_in_opposite_orders_meet_without_harm: r7_crosswise;
    r08_a_late_yes_brings_nothing_back: r8;
    r09_counting_polls_loses_no_approval: r9;
    r10_who_is_locked_gets_no_tokens: r10;
    r15_an_assertion_and_a_proof_are_good_once: r15;
    r18_a_device_has_answered_or_is_none: r18;
}
