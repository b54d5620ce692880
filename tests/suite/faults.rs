//! Bad days (`docs/spec.md`, F1 to F3, F8, F10 to F12, F14 to F16, F19, F27, F31, F32): a store dies,
//! hangs, is locked or is full while two nodes work. A dependency's fault is a clear 503 within a second, never a wrong answer;
//! service returns by itself; and what was under way when it broke is whole afterwards.

mod full_disk;
mod later;
mod lost_answers;
mod names;
mod scene;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::scene::CROWD;
pub(crate) use self::scene::Scene;
use crate::backends::{Postgres, Redis};
use crate::nodes::{Cutter, Held, Lost, Pending, RelyingParty, Site, Sql, send, until, volley};

/// An answer takes no longer. The last part is for the machine that runs the tests beside others.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(1000 + 300);

/// How long a store stays away at least.
const OUTAGE: Duration = Duration::from_secs(3);
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_redis_dies_and_comes_back() {
    let redis = Arc::new(Redis::start());
    let scene = Scene::new(Sql::Sqlite, Pending::Redis(&redis)).await;
    let (dying, back) = (Arc::clone(&redis), Arc::clone(&redis));
    scene.lives_through(move || dying.kill(), move || back.revive(), Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f03_redis_hangs_and_goes_on() {
    let redis = Arc::new(Redis::start());
    let scene = Scene::new(Sql::Sqlite, Pending::Redis(&redis)).await;
    let (hanging, back) = (Arc::clone(&redis), Arc::clone(&redis));
    scene.lives_through(move || hanging.pause(), move || back.unpause(), Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_postgresql_dies_and_comes_back() {
    let postgres = Arc::new(Postgres::start());
    let scene = Scene::new(Sql::Postgres(&postgres), Pending::Redis(Redis::shared())).await;
    let (dying, back) = (Arc::clone(&postgres), Arc::clone(&postgres));
    scene.lives_through(move || dying.kill(), move || back.revive(), Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f11_postgresql_hangs_and_goes_on() {
    let postgres = Arc::new(Postgres::start());
    let scene = Scene::new(Sql::Postgres(&postgres), Pending::Redis(Redis::shared())).await;
    let (hanging, back) = (Arc::clone(&postgres), Arc::clone(&postgres));
    scene.lives_through(move || hanging.pause(), move || back.unpause(), Duration::from_secs(5)).await;
}

/// PostgreSQL is there, and has no connection for us. Who asks is told to come again, as long as it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_no_connection_is_left() {
    let postgres = Arc::new(Postgres::start());
    let mut site = Site::new(Sql::Postgres(&postgres), Pending::Redis(Redis::shared())).await;
    postgres.sql("postgres", "CREATE ROLE few LOGIN IN ROLE postgres");
    site.nodes_log_in_as("few");
    let scene = Scene::at_site(site).await;
    let (full, free) = (Arc::clone(&postgres), Arc::clone(&postgres));
    let breaks = move || {
        full.sql("postgres", "ALTER ROLE few CONNECTION LIMIT 0");
        full.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'few'");
    };
    let mends = move || free.sql("postgres", "ALTER ROLE few CONNECTION LIMIT -1");
    scene.lives_through(breaks, mends, Duration::from_secs(5)).await;
}

/// Redis comes back without anything. Who had decided has decided, and gets what is due from SQL; what
/// was not decided is over, and says so. Nobody waits for ever, and new questions are asked at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f02_redis_comes_back_empty() {
    let redis = Redis::start_forgetful();
    let scene = Scene::new(Sql::Sqlite, Pending::Redis(&redis)).await;
    let patient = scene.site.relying_party("patient", true).await;
    let held = until("a known client", Duration::from_secs(2), || async {
        let answer = send(scene.at(0), &patient.ask("alice", &[])).await.expect("an answer");
        (answer.status == 200).then(|| answer.text("auth_req_id").to_owned())
    })
    .await;
    let undecided = [scene.question(0).await, scene.question(1).await];
    for (n, question) in undecided.iter().enumerate() {
        scene.shop.polls(scene.at(n), &question.id).await.is(400, "authorization_pending");
    }
    let approved = [scene.approved(0).await, scene.approved(1).await];
    let denied = scene.question(0).await;
    scene.phone.sends(scene.at(1), &scene.phone.deny(&denied.shown)).await.is(200, "");
    let cancelled = scene.question(1).await;
    send(scene.at(0), &scene.shop.cancel(&cancelled.id)).await.expect("an answer").is(200, "");
    let redeemed = scene.approved(0).await;
    let tokens = scene.shop.polls(scene.at(1), &redeemed.id).await;
    let refresh = scene.shop.refresh(tokens.is(200, "").text("refresh_token"));
    let mut answering = Vec::new();
    for n in 0..CROWD {
        answering.push(scene.question(n).await);
    }
    let mut poll = Held::new(scene.at(0), &patient.poll(&held)).await.expect("a node that accepts");
    poll.release().expect("an open connection");
    until("a poll that is held", Duration::from_secs(3), || async {
        let request = scene.site.facts.request(&held).await.expect("a request");
        request.polling.last.is_some().then_some(())
    })
    .await;

    let yes = (0..CROWD).map(|n| (scene.at(n), scene.phone.approve(&answering[n].shown)));
    let dies = async {
        // Some of them are through by then.
        tokio::time::sleep(Duration::from_millis(8)).await;
        redis.kill();
    };
    let (told, ()) = tokio::join!(volley(yes.collect()), dies);
    redis.revive();
    let back = Instant::now();
    for (n, question) in undecided.iter().enumerate() {
        let answer = until("service", Duration::from_secs(2), || async {
            let answer = scene.shop.polls(scene.at(n), &question.id).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        answer.is(400, "invalid_grant");
    }
    // All of it, on both nodes.
    for n in 0..2 {
        let fresh = until("a new question", Duration::from_secs(2).saturating_sub(back.elapsed()), || async {
            let answer = send(scene.at(n), &scene.shop.ask("alice", &[])).await.expect("an answer");
            (answer.status == 200).then(|| answer.text("auth_req_id").to_owned())
        })
        .await;
        let question = scene.phone.question(scene.at(n + 1)).await;
        scene.phone.sends(scene.at(n), &scene.phone.approve(&question)).await.is(200, "");
        scene.shop.polls(scene.at(n + 1), &fresh).await.is(200, "");
    }
    let back = back.elapsed();
    assert!(back < Duration::from_secs(2), "service took {back:?}");

    // A held poll hears of it when it looks again.
    let ended = poll.answer().await.expect("an answer");
    if ended.status == 503 {
        patient.polls(scene.at(0), &held).await.is(400, "invalid_grant");
    } else {
        ended.is(400, "invalid_grant");
    }
    for (n, question) in undecided.iter().enumerate() {
        let late = scene.phone.sends(scene.at(n), &scene.phone.approve(&question.shown)).await;
        late.is(404, "NOTIFICATION_NOT_FOUND");
        scene.shop.polls(scene.at(n + 1), &question.id).await.is(400, "invalid_grant");
        scene.site.facts.hold(question.request, None, 0).await;
    }
    for (n, question) in approved.iter().enumerate() {
        scene.redeems(n, question, false).await;
    }
    scene.shop.polls(scene.at(0), &denied.id).await.is(400, "access_denied");
    scene.shop.polls(scene.at(1), &cancelled.id).await.is(400, "invalid_grant");
    scene.shop.polls(scene.at(0), &redeemed.id).await.is(400, "invalid_grant");
    scene.site.facts.hold(redeemed.request, Some("approved"), 1).await;
    send(scene.at(1), &refresh).await.expect("an answer").is(200, "");
    let mut counted = 0;
    for (n, question) in answering.iter().enumerate() {
        // Told or not: what counts is what SQL has.
        if scene.site.facts.decision(question.request).await.is_some() {
            counted += 1;
            scene.redeems(n, question, false).await;
        } else {
            assert!(!told[n].as_ref().is_ok_and(|told| told.status == 200), "a yes was lost");
            scene.shop.polls(scene.at(n), &question.id).await.is(400, "invalid_grant");
            scene.site.facts.hold(question.request, None, 0).await;
        }
    }
    eprintln!("{counted} of {CROWD} were decided when it died; service {back:?} after its return");
}

/// Everything was done, and the node cannot tell. Whoever asks again gets the truth, and all of it is there
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_the_answer_to_a_commit_is_lost() {
    commits_go_wrong(Lost::Answer).await;
}

/// For the node it is the same; but nothing was done, so whoever asks again does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_commit_is_lost() {
    commits_go_wrong(Lost::Commit).await;
}

async fn commits_go_wrong(lost: Lost) {
    let postgres = Postgres::shared();
    let line = Cutter::before(postgres.address()).await;
    // A line that was cut is seen at once.
    let mut site = Site::new(Sql::Postgres(postgres), Pending::Redis(Redis::shared())).await.patient();
    site.nodes_go_through(&line);
    let scene = Scene::at_site(site).await;
    let done = lost == Lost::Answer;

    // One decision: the same phone asks again, at the same node or the other one.
    let mut decided = Vec::new();
    for n in 0..2 {
        let question = scene.question(0).await;
        scene.loses(&line, lost, &scene.phone.approve(&question.shown)).await;
        assert_eq!(scene.site.facts.decision(question.request).await.is_some(), done);
        scene.phone.sends(scene.at(n), &scene.phone.approve(&question.shown)).await.is(200, "");
        scene.site.facts.hold(question.request, Some("approved"), 0).await;
        decided.push(question);
    }
    // Or nobody asks again: what was decided is told by the worker.
    let question = scene.question(0).await;
    scene.loses(&line, lost, &scene.phone.approve(&question.shown)).await;
    if done {
        scene.redeems(1, &question, false).await;
    } else {
        scene.shop.polls(scene.at(1), &question.id).await.is(400, "authorization_pending");
        scene.site.facts.hold(question.request, None, 0).await;
    }
    let refreshing = scene.approved(0).await;
    for question in decided.iter().chain([&question, &refreshing]) {
        scene.site.facts.come_to_rest(question.request).await;
    }

    // One grant. The tokens went with the answer, if there was one.
    for (n, question) in decided.iter().enumerate() {
        scene.loses(&line, lost, &scene.shop.poll(&question.id)).await;
        assert_eq!(scene.site.facts.grants(question.request).await, i64::from(done));
        let again = scene.shop.polls(scene.at(n), &question.id).await;
        if done {
            again.is(400, "invalid_grant");
            assert!(again.text("error_description").contains("start a new request"), "{again:?}");
        } else {
            again.is(200, "");
        }
        scene.shop.polls(scene.at(n + 1), &question.id).await.is(400, "invalid_grant");
        scene.site.facts.hold(question.request, Some("approved"), 1).await;
    }
    let unsure = "SELECT COUNT(*) FROM audit WHERE action = 'request.redeemed' AND result = 'refused' \
                  AND client_id = 'shop' AND reason LIKE '%perhaps the tokens never arrived'";
    until("what became of the tokens", Duration::from_secs(2), || async {
        (scene.site.facts.count(unsure, []).await == if done { 2 } else { 0 }).then_some(())
    })
    .await;

    // A refresh: the chain goes on.
    let tokens = scene.shop.polls(scene.at(0), &refreshing.id).await;
    let first = tokens.is(200, "").text("refresh_token").to_owned();
    scene.loses(&line, lost, &scene.shop.refresh(&first)).await;
    let second = send(scene.at(1), &scene.shop.refresh(&first)).await.expect("an answer");
    let second = second.is(200, "").text("refresh_token").to_owned();
    send(scene.at(0), &scene.shop.refresh(&second)).await.expect("an answer").is(200, "");

    // A group: everyone in it asks again.
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(scene.question(0).await);
    }
    line.cuts(lost).await;
    let yes = crowd.iter().map(|question| (scene.at(0), scene.phone.approve(&question.shown)));
    let told = volley(yes.collect()).await;
    let refused = told.iter().filter(|told| told.as_ref().is_ok_and(|told| told.status == 503)).count();
    assert!(line.has_cut() && refused > 0, "{told:?}");
    for (n, question) in crowd.iter().enumerate() {
        scene.phone.sends(scene.at(n), &scene.phone.approve(&question.shown)).await.is(200, "");
        scene.redeems(n, question, false).await;
    }

    // Events that nobody waits for are written until they are there, and are there once.
    let refused = "SELECT COUNT(*) FROM audit WHERE action = 'client.authenticated' AND result = 'refused'";
    let strangers = || async {
        for _ in 0..3 {
            let stranger = RelyingParty::poll_with("no such id", "no assertion");
            send(scene.at(0), &stranger).await.expect("an answer").is(401, "invalid_client");
        }
    };
    line.cuts(lost).await;
    strangers().await;
    until("a line that was cut", Duration::from_secs(2), || async { line.has_cut().then_some(()) }).await;
    // Events are written in order: when these are there, those were written again.
    strangers().await;
    until("six events", Duration::from_secs(5), || async {
        (scene.site.facts.count(refused, []).await >= 6).then_some(())
    })
    .await;
    for question in &crowd {
        scene.site.facts.come_to_rest(question.request).await;
    }
    assert_eq!(scene.site.facts.count(refused, []).await, 6);
    let twice = "SELECT COUNT(*) FROM (SELECT id FROM audit GROUP BY id HAVING COUNT(*) > 1) AS twice";
    assert_eq!(scene.site.facts.count(twice, []).await, 0);
}

impl Scene {
    /// Asks the first node, whose commit loses something, and hears that it does not know.
    async fn loses(&self, line: &Cutter, lost: Lost, request: &[u8]) {
        line.cuts(lost).await;
        let answer = send(self.at(0), request).await.expect("an answer");
        assert!(line.has_cut(), "no commit: {answer:?}");
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.code().eq_ignore_ascii_case("temporarily_unavailable"), "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert!(answer.took < AT_ONCE, "{answer:?}");
    }
}

/// Another process holds the SQLite file. What only reads goes on; what has to be written is refused
/// in time, and done once when it is asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_sqlite_is_locked_by_another_process() {
    for pending in [Pending::Embedded, Pending::Redis(Redis::shared())] {
        let scene = Scene::new(Sql::Sqlite, pending).await;
        let (waiting, approved) = (scene.question(0).await, scene.approved(1).await);
        let lock = scene.site.lock().await;
        until("a node that is not ready", Duration::from_secs(3), || async {
            (scene.nodes[0].readiness().await == Some(503)).then_some(())
        })
        .await;
        for _ in 0..2 {
            let requests = [
                (scene.at(0), scene.phone.approve(&waiting.shown)),
                (scene.at(1), scene.phone.approve(&waiting.shown)),
                (scene.at(0), scene.shop.poll(&approved.id)),
            ];
            for answer in volley(requests.into()).await {
                let answer = answer.expect("an answer");
                // The claim of a poll that was refused is given back, so the next one is not "busy".
                assert_eq!(answer.status, 503, "{answer:?}");
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                assert!(answer.took < AT_ONCE, "{answer:?}");
            }
        }
        assert_eq!(scene.nodes[0].liveness().await, Some(200));
        scene.shop.polls(scene.at(0), &waiting.id).await.is(400, "authorization_pending");
        lock.release().await;
        let again = until("an answer that counts", Duration::from_secs(2), || async {
            let answer = scene.phone.sends(scene.at(0), &scene.phone.approve(&waiting.shown)).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        // Nobody decides anything here, and what happens is still written down.
        let refused = "SELECT COUNT(*) FROM audit WHERE action = 'client.authenticated' AND result = 'refused'";
        let before = scene.site.facts.count(refused, []).await;
        for n in 0..2 {
            let stranger = RelyingParty::poll_with(&waiting.id, "no assertion");
            send(scene.at(n), &stranger).await.expect("an answer").is(401, "invalid_client");
        }
        until("two events", Duration::from_secs(2), || async {
            (scene.site.facts.count(refused, []).await == before + 2).then_some(())
        })
        .await;
        // The first time, or again: the lock may have been released in the last moment of a yes that was given up.
        again.is(200, "");
        scene.redeems(0, &waiting, false).await;
        scene.redeems(1, &approved, false).await;
    }
}

/// The node is told to stop while it holds a poll and a live channel.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_node_that_stops_lets_nobody_hang() {
    let mut scene = Scene::new(Sql::Sqlite, Pending::Embedded).await;
    let patient = scene.site.relying_party("patient", true).await;
    let id = until("a known client", Duration::from_secs(2), || async {
        let answer = send(scene.at(0), &patient.ask("alice", &[])).await.expect("an answer");
        (answer.status == 200).then(|| answer.text("auth_req_id").to_owned())
    })
    .await;
    let mut listener = scene.phone.listen(scene.at(0)).await;
    listener.next("notification").await;
    let mut poll = Held::new(scene.at(0), &patient.poll(&id)).await.expect("a node that accepts");
    poll.release().expect("an open connection");
    until("a poll that is held", Duration::from_secs(3), || async {
        let request = scene.site.facts.request(&id).await.expect("a request");
        request.polling.last.is_some().then_some(())
    })
    .await;
    let told = Instant::now();
    scene.nodes[0].signal("-TERM");
    poll.answer().await.expect("an answer").is(400, "authorization_pending");
    let status = scene.nodes[0].ends(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(told.elapsed() < Duration::from_secs(3), "it took {:?}", told.elapsed());
    listener.closes().await;
    // Nothing was lost with it.
    let question = scene.phone.question(scene.at(1)).await;
    scene.phone.sends(scene.at(1), &scene.phone.approve(&question)).await.is(200, "");
    patient.polls(scene.at(1), &id).await.is(200, "");
}

/// A poll is held for longer than any other call may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_poll_survives_the_death_of_redis() {
    let redis = Redis::start();
    let scene = Scene::new(Sql::Sqlite, Pending::Redis(&redis)).await;
    let patient = scene.site.relying_party("patient", true).await;
    let id = until("a known client", Duration::from_secs(2), || async {
        let answer = send(scene.at(0), &patient.ask("alice", &[])).await.expect("an answer");
        (answer.status == 200).then(|| answer.text("auth_req_id").to_owned())
    })
    .await;
    let question = scene.phone.question(scene.at(1)).await;
    let mut poll = Held::new(scene.at(0), &patient.poll(&id)).await.expect("a node that accepts");
    poll.release().expect("an open connection");
    until("a poll that is held", Duration::from_secs(3), || async {
        let request = scene.site.facts.request(&id).await.expect("a request");
        request.polling.last.is_some().then_some(())
    })
    .await;
    redis.kill();
    redis.revive();
    let yes = until("service", Duration::from_secs(2), || async {
        let answer = scene.phone.sends(scene.at(1), &scene.phone.approve(&question)).await;
        (answer.status != 503).then_some(answer)
    })
    .await;
    yes.is(200, "");
    let answer = poll.answer().await.expect("an answer");
    if answer.status == 503 {
        // The other node had service again. This one has its own connections.
        let again = until("service here", Duration::from_secs(2), || async {
            let answer = patient.polls(scene.at(0), &id).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        again.is(200, "");
    } else {
        answer.is(200, "");
    }
}
