//! Bad days (`docs/spec.md`, F1 to F3, F10, F11, F14, F15, F19): a store dies, hangs or is locked
//! while two nodes work. A dependency's fault is a clear 503 within a second, never a wrong answer;
//! service returns by itself; and what was under way when it broke is whole afterwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nod::protocol::id::RequestId;
use nod_device::{Call, InstallationInfo, Notification, PairingKey, messages::PairingRequest};

use crate::backends::{Postgres, Redis};
use crate::nodes::{
    Answer, Cutter, Held, Lost, Node, Pending, Phone, RelyingParty, Site, Sql, get, polled_to_the_end, send, until,
    volley,
};

/// An answer takes no longer. The last part is for the machine that runs the tests beside others.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(1000 + 300);

/// How long a store stays away at least.
const OUTAGE: Duration = Duration::from_secs(3);

/// What is under way when it breaks.
const CROWD: usize = 12;

pub(crate) struct Scene {
    pub(crate) site: Site,
    pub(crate) nodes: [Node; 2],
    pub(crate) shop: RelyingParty,
    pub(crate) phone: Phone,
}

pub(crate) struct Question {
    pub(crate) id: String,
    request: RequestId,
    pub(crate) shown: Notification,
}

impl Scene {
    async fn new(sql: Sql<'_>, pending: Pending<'_>) -> Self {
        Self::at_site(Site::new(sql, pending).await).await
    }

    pub(crate) async fn at_site(site: Site) -> Self {
        let shop = site.relying_party("shop", false).await;
        let key = site.pairing_key(site.person("alice").await).await;
        let (one, other) = tokio::join!(site.node(), site.node());
        let phone = Phone::pair(one.public, &key).await;
        until("a known phone", Duration::from_secs(2), || async {
            (phone.sends(other.public, &phone.me()).await.status == 200).then_some(())
        })
        .await;
        Self { site, nodes: [one, other], shop, phone }
    }

    pub(crate) fn at(&self, n: usize) -> SocketAddr {
        self.nodes[n % 2].public
    }

    pub(crate) async fn question(&self, n: usize) -> Question {
        let id = self.shop.asks(self.at(n), "alice", &[]).await;
        let stored = self.site.facts.request(&id).await.expect("a request");
        let shown = self.phone.pending(self.at(n)).await;
        let shown = shown.into_iter().find(|shown| shown.notification_id.uuid() == stored.notification.uuid());
        Question { id, request: stored.id, shown: shown.expect("a question on the phone") }
    }

    async fn approved(&self, n: usize) -> Question {
        let question = self.question(n).await;
        self.phone.sends(self.at(n), &self.phone.approve(&question.shown)).await.is(200, "");
        question
    }

    /// One request for each thing that a node can be asked and cannot answer alone.
    fn everything(&self, pending: &Question, approved: &Question, refresh_token: &str) -> Vec<Vec<u8>> {
        let pairing = PairingRequest {
            pairing_key: PairingKey::parse("000000000000").expect("a pairing key"),
            installation: InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() },
        };
        vec![
            self.shop.ask("alice", &[]),
            self.shop.poll(&pending.id),
            self.shop.poll(&approved.id),
            self.shop.poll("unknown"),
            self.shop.refresh(refresh_token),
            self.shop.cancel(&pending.id),
            self.shop.introspect(refresh_token),
            self.phone.me(),
            self.phone.approve(&pending.shown),
            self.phone.deny(&pending.shown),
            self.phone.request(&Call::pending()),
            self.phone.request(&Call::notification(pending.shown.notification_id)),
            self.phone.request(&Call::events()),
            self.phone.request(&Call::pair(&pairing)),
            self.phone.request(&Call::unpair(self.phone.device)),
        ]
    }

    /// Breaks something under load, looks at everything while it is broken, mends it, and finishes what
    /// was under way.
    async fn lives_through(
        &self,
        breaks: impl FnOnce() + Send + 'static,
        mends: impl FnOnce() + Send + 'static,
        back_within: Duration,
    ) {
        let earlier = self.approved(0).await;
        let tokens = self.shop.polls(self.at(0), &earlier.id).await;
        let refresh_token = tokens.is(200, "").text("refresh_token").to_owned();
        let mut waiting = Vec::new();
        for n in 0..2 {
            waiting.push(self.question(n).await);
            self.shop.polls(self.at(n), &waiting[n].id).await.is(400, "authorization_pending");
        }
        let approved = self.approved(1).await;
        let (mut answering, mut redeeming) = (Vec::new(), Vec::new());
        for n in 0..CROWD {
            answering.push(self.question(n).await);
            redeeming.push(self.approved(n).await);
        }

        let under_way = (0..CROWD).flat_map(|n| {
            let approve = self.phone.approve(&answering[n].shown);
            [(self.at(n), approve), (self.at(n + 1), self.shop.poll(&redeeming[n].id))]
        });
        let volley = volley(under_way.collect());
        let (told, broken) = tokio::join!(volley, tokio::task::spawn_blocking(breaks));
        broken.expect("a break");
        let broken = Instant::now();
        let told: Vec<Option<Answer>> = told.into_iter().map(Result::ok).collect();
        for answer in told.iter().flatten() {
            assert!(matches!(answer.status, 200 | 400 | 503), "{answer:?}");
        }

        // For a second, a node may still know enough, of this phone for example.
        for n in 0..2 {
            until("a node that notices", Duration::from_secs(2), || async {
                (self.phone.sends(self.at(n), &self.phone.me()).await.status == 503).then_some(())
            })
            .await;
        }
        let (mut asked, mut slowest) = (0, Duration::ZERO);
        while broken.elapsed() < OUTAGE {
            for (n, waits) in waiting.iter().enumerate().take(2) {
                let requests = self.everything(waits, &approved, &refresh_token);
                let answers = join_all(requests.iter().map(|request| send(self.at(n), request))).await;
                for (answer, request) in answers.into_iter().zip(&requests) {
                    let answer = answer.expect("an answer");
                    let line = String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
                    assert_eq!(answer.status, 503, "{line}: {answer:?}");
                    assert!(answer.code().eq_ignore_ascii_case("temporarily_unavailable"), "{line}: {answer:?}");
                    let seconds = answer.header("retry-after").and_then(|after| after.parse::<u32>().ok());
                    assert!(seconds.is_some_and(|seconds| (1..=5).contains(&seconds)), "{line}: {answer:?}");
                    assert!(answer.took < AT_ONCE, "{line} took {:?}", answer.took);
                    slowest = slowest.max(answer.took);
                    asked += 1;
                }
                assert_eq!(self.nodes[n].readiness().await, Some(503));
                assert_eq!(self.nodes[n].liveness().await, Some(200));
                let known = send(self.at(n), &get("/.well-known/openid-configuration")).await.expect("an answer");
                assert_eq!(known.status, 200, "{known:?}");
            }
        }

        tokio::task::spawn_blocking(mends).await.expect("a repair");
        let mended = Instant::now();
        for (n, question) in waiting.iter().enumerate() {
            let first = until("service", back_within, || async {
                let answer = self.shop.polls(self.at(n), &question.id).await;
                (answer.status != 503).then_some(answer)
            })
            .await;
            // What was asked meanwhile does not count as too early.
            first.is(400, "authorization_pending");
        }
        let back = mended.elapsed();
        for node in &self.nodes {
            node.becomes_ready(back_within).await;
        }
        eprintln!(
            "{asked} answers while it was away, the slowest after {slowest:?}; service {back:?} after its return"
        );

        for (n, question) in waiting.iter().enumerate() {
            self.phone.sends(self.at(n), &self.phone.approve(&question.shown)).await.is(200, "");
            self.redeems(n, question, false).await;
        }
        self.redeems(0, &approved, false).await;
        for n in 0..CROWD {
            let poll = &told[2 * n + 1];
            // A phone that got no answer says it again, and hears that it counts, now or since the first time.
            self.phone.sends(self.at(n), &self.phone.approve(&answering[n].shown)).await.is(200, "");
            self.redeems(n, &answering[n], false).await;
            match poll {
                Some(tokens) if tokens.status == 200 => {
                    self.shop.polls(self.at(n), &redeeming[n].id).await.is(400, "invalid_grant");
                    self.site.facts.hold(redeeming[n].request, Some("approved"), 1).await;
                }
                // Perhaps they were committed, and the answer was not told.
                Some(_) | None => self.redeems(n, &redeeming[n], true).await,
            }
        }
        for question in waiting.iter().chain([&approved]).chain(&answering).chain(&redeeming) {
            self.site.facts.come_to_rest(question.request).await;
        }
    }

    /// Gets the tokens, and leaves one set.
    pub(crate) async fn redeems(&self, n: usize, question: &Question, perhaps_lost: bool) {
        // A claim whose holder was cut off lasts five seconds.
        let answer = polled_to_the_end(&self.shop, self.at(n), &question.id, Duration::from_secs(8)).await;
        if !(perhaps_lost && answer.code() == "invalid_grant") {
            answer.is(200, "");
        }
        self.shop.polls(self.at(n + 1), &question.id).await.is(400, "invalid_grant");
        self.site.facts.hold(question.request, Some("approved"), 1).await;
    }
}

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
        patient.polls(scene.at(0), &id).await.is(200, "");
    } else {
        answer.is(200, "");
    }
}
