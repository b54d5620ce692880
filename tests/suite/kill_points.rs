//! A power cut between any two steps (`docs/spec.md`, K1 to K23, K27 to K35): the process aborts at
//! a named place, starts again, and every party does what it would do. Whatever was cut, an approval
//! gives at most one set of tokens, a committed decision is not lost, and nothing is left half done.
//!
//! Each point runs on the embedded store in a SQLite file, on Redis beside one, and on PostgreSQL with
//! Redis.

mod codes;

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use nod::domain::authentication_request::State;
use nod::protocol::id::{RequestId, UserId};
use rcgen::CertificateParams;

use self::codes::{while_checking_a_code, while_sending_a_code};
use crate::admin::receiver::Receiver;
use crate::backends::{Postgres, Redis};
use crate::nodes::{Answer, Held, Node, Pending, Phone, RelyingParty, Site, Sql, get, polled_to_the_end, send, until};
use crate::world::{Authority, JWKS, verify};

const SIGABRT: i32 = 6;

/// What a relying party or a phone has to see within two seconds after the restart.
const SOON: Duration = Duration::from_secs(2);

/// A claim that a dead process holds is over after five seconds.
const LEASE: Duration = Duration::from_secs(7);

/// A ping that a dead process has in its hands comes up again after eight.
const PINGED_AGAIN: Duration = Duration::from_secs(12);

/// What decides, and where what is not decided waits.
type Stores<'a> = (Sql<'a>, Pending<'a>);

struct Scene {
    site: Site,
    alice: UserId,
    shop: RelyingParty,
    web: RelyingParty,
    node: Node,
    phone: Phone,
    other: Phone,
}

impl Scene {
    /// A site whose one node dies at `place`. One question at a time, as by default.
    async fn new((sql, pending): Stores<'_>, place: &str) -> Self {
        let mut site = Site::new(sql, pending).await.patient();
        site.at_a_time = 1;
        let shop = site.relying_party("shop", false).await;
        let web = site.web_client("web").await;
        let alice = site.person("alice").await;
        let keys = [site.pairing_key(alice).await, site.pairing_key(alice).await];
        let node = site.node_that_dies_at(place).await;
        let phone = Phone::pair(node.public, &keys[0]).await;
        let other = Phone::pair(node.public, &keys[1]).await;
        Self { site, alice, shop, web, node, phone, other }
    }

    /// The request is the last thing that the node sees.
    async fn dies_of(&mut self, request: &[u8]) {
        let answer = send(self.node.public, request).await;
        assert!(answer.is_err(), "the node went on: {answer:?}");
        let status = self.node.ends(Duration::from_secs(10)).await;
        assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    }

    async fn starts_again(&mut self) {
        self.node = self.site.node().await;
    }

    async fn sends(&self, request: &[u8]) -> Answer {
        send(self.node.public, request).await.expect("an answer")
    }

    async fn asks(&self) -> (String, RequestId) {
        let id = self.shop.asks(self.node.public, "alice", &[]).await;
        let request = self.site.facts.request(&id).await.expect("a request").id;
        (id, request)
    }

    async fn polls(&self, id: &str, within: Duration) -> Answer {
        polled_to_the_end(&self.shop, self.node.public, id, within).await
    }

    async fn approves(&self, phone: &Phone) -> Answer {
        let question = phone.question(self.node.public).await;
        phone.sends(self.node.public, &phone.approve(&question)).await
    }

    async fn holds(&self, request: RequestId, decision: Option<&str>, grants: i64) {
        self.site.facts.hold(request, decision, grants).await;
    }

    /// Nothing that the crash left is in the way of the next one.
    async fn all_is_well(&self, before: Option<RequestId>) {
        let (id, request) = self.asks().await;
        let answer = self.approves(&self.other).await;
        answer.is(200, "");
        self.polls(&id, SOON).await.is(200, "");
        self.holds(request, Some("approved"), 1).await;
        if let Some(before) = before {
            self.site.facts.told(before).await;
        }
    }
}

/// Cut while the client asks. It has no `auth_req_id`, so it asks again.
async fn while_asking(stores: Stores<'_>, place: &str, reached_the_phone: bool) {
    let mut scene = Scene::new(stores, place).await;
    scene.dies_of(&scene.shop.ask("alice", &[])).await;
    scene.starts_again().await;
    let seen = scene.phone.pending(scene.node.public).await;
    assert_eq!(seen.len(), usize::from(reached_the_phone), "{seen:?}");
    if reached_the_phone {
        // Nobody can redeem it, but the person sees it: one question at a time, so it is answered first.
        let again = send(scene.node.public, &scene.shop.ask("alice", &[])).await.expect("an answer");
        assert_eq!(again.status, 429, "{again:?}");
        assert!(again.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{again:?}");
        let deny = scene.phone.deny(&seen[0]);
        scene.phone.sends(scene.node.public, &deny).await.is(200, "");
        scene.other.sends(scene.node.public, &scene.other.approve(&seen[0])).await.is(409, "ALREADY_DECIDED");
    }
    let sql = "SELECT COUNT(*) FROM token_grant";
    assert_eq!(scene.site.facts.count(sql, []).await, 0);
    scene.all_is_well(None).await;
}

/// Cut while the phone answers. It looks again, and answers again what it still finds.
async fn while_answering(stores: Stores<'_>, place: &str, committed: bool) {
    let mut scene = Scene::new(stores, place).await;
    let (id, request) = scene.asks().await;
    let question = scene.phone.question(scene.node.public).await;
    scene.dies_of(&scene.phone.approve(&question)).await;
    assert_eq!(scene.site.facts.decision(request).await.is_some(), committed, "committed before the crash");
    scene.starts_again().await;

    if committed {
        // Told by the worker, without anybody's help.
        until("a told decision", SOON, || async {
            let state = scene.site.facts.request(&id).await.expect("a request").state;
            matches!(state, State::Approved(_)).then_some(())
        })
        .await;
        until("an inbox without the question", SOON, || async {
            let inbox = scene.site.facts.inboxes.get(&scene.alice).await.expect("a store").expect("an inbox");
            let now = nod::clock::Clock::now(&nod::clock::SystemClock);
            (inbox.live(now).count() == 0).then_some(())
        })
        .await;
        assert!(scene.phone.pending(scene.node.public).await.is_empty());
        // It was this phone that decided, so it is told what it did not hear.
        scene.phone.sends(scene.node.public, &scene.phone.approve(&question)).await.is(200, "");
        scene.phone.sends(scene.node.public, &scene.phone.deny(&question)).await.is(409, "ALREADY_DECIDED");
        scene.other.sends(scene.node.public, &scene.other.deny(&question)).await.is(409, "ALREADY_DECIDED");
    } else {
        scene.shop.polls(scene.node.public, &id).await.is(400, "authorization_pending");
        scene.approves(&scene.phone).await.is(200, "");
    }
    scene.polls(&id, SOON).await.is(200, "");
    scene.polls(&id, SOON).await.is(400, "invalid_grant");
    scene.holds(request, Some("approved"), 1).await;
    scene.all_is_well(Some(request)).await;
}

/// Cut while the client redeems. It polls again.
async fn while_redeeming(stores: Stores<'_>, place: &str, committed: bool) {
    let mut scene = Scene::new(stores, place).await;
    let (id, request) = scene.asks().await;
    scene.approves(&scene.phone).await.is(200, "");
    scene.dies_of(&scene.shop.poll(&id)).await;
    assert_eq!(scene.site.facts.grants(request).await, i64::from(committed), "committed before the crash");
    scene.starts_again().await;
    let answer = scene.polls(&id, LEASE).await;
    if committed {
        // Given once, and lost on the way: the client asks anew.
        answer.is(400, "invalid_grant");
        let told = answer.text("error_description");
        assert_eq!(told.contains("start a new request"), place == "K13", "{told}");
    } else {
        answer.is(200, "");
        scene.polls(&id, SOON).await.is(400, "invalid_grant");
    }
    scene.holds(request, Some("approved"), 1).await;
    scene.all_is_well(Some(request)).await;
}

/// Cut while the tokens are on their way, after so many bytes of the answer.
async fn while_telling(stores: Stores<'_>, half_of_the_body: bool) {
    let mut scene = Scene::new(stores, "none").await;
    let (id, request) = scene.asks().await;
    scene.approves(&scene.phone).await.is(200, "");
    let mut poll = Held::new(scene.node.public, &scene.shop.poll(&id)).await.expect("a node that accepts");
    poll.release().expect("an open connection");
    let mut seen = poll.some(12).await.expect("an answer");
    assert_eq!(seen, b"HTTP/1.1 200");
    while half_of_the_body && !seen.windows(14).any(|window| window == b"\"access_token\"") {
        seen.extend(poll.some(16).await.expect("an answer"));
    }
    scene.node.kill();
    drop(poll);
    scene.starts_again().await;
    scene.polls(&id, LEASE).await.is(400, "invalid_grant");
    scene.holds(request, Some("approved"), 1).await;
    scene.all_is_well(Some(request)).await;
}

/// Cut while the client is told. `before`: how often it has heard by then; `after`: in all.
async fn while_pinging((sql, pending): Stores<'_>, place: &str, before: usize, after: usize) {
    let authority = Authority::new("the shop's");
    let receiver = Receiver::over_tls(&authority.issues(&CertificateParams::new(["127.0.0.1".to_owned()]).unwrap()));
    let mut site = Site::new(sql, pending).await.patient().may_call_home(&authority);
    site.at_a_time = 1;
    let shop = site.pinged_party("shop", receiver.url()).await;
    let alice = site.person("alice").await;
    let key = site.pairing_key(alice).await;
    let mut node = site.node_that_dies_at(place).await;
    let phone = Phone::pair(node.public, &key).await;
    let token = [("client_notification_token", "Zq5-the.shop~knows+this/by==")];
    let id = shop.asks(node.public, "alice", &token).await;
    let request = site.facts.request(&id).await.expect("a request").id;
    let approval = phone.approve(&phone.question(node.public).await);
    // Whether the phone hears of it before the end of the node is another matter.
    let _ = send(node.public, &approval).await;
    let status = node.ends(Duration::from_secs(10)).await;
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    assert_eq!(site.facts.decision(request).await.as_deref(), Some("approved"), "committed before the crash");
    assert_eq!(receiver.received().len(), before, "heard before the crash");

    node = site.node().await;
    if after > before {
        until("a ping", PINGED_AGAIN, || async { (receiver.received().len() == after).then_some(()) }).await;
    }
    // Whoever is told comes at once.
    shop.polls(node.public, &id).await.is(200, "");
    let left = "SELECT COUNT(*) FROM outbox WHERE kind = 'ping'";
    until("nothing to be told", PINGED_AGAIN, || async { (site.facts.count(left, []).await == 0).then_some(()) }).await;
    for heard in receiver.received() {
        assert_eq!(heard.authorization, format!("Bearer {}", token[0].1));
        assert_eq!(heard.body, format!("{{\"auth_req_id\":\"{id}\"}}"));
    }
    assert_eq!(receiver.received().len(), after, "heard in all");
    site.facts.hold(request, Some("approved"), 1).await;
}

/// Cut while the client refreshes. It does so again, at once.
async fn while_refreshing(stores: Stores<'_>, place: &str, committed: bool) {
    let mut scene = Scene::new(stores, place).await;
    let (id, request) = scene.asks().await;
    scene.approves(&scene.phone).await.is(200, "");
    let first = scene.polls(&id, SOON).await;
    first.is(200, "");
    let first = first.text("refresh_token").to_owned();
    scene.dies_of(&scene.shop.refresh(&first)).await;
    let successors = scene.site.facts.refresh_tokens(request).await - 1;
    assert_eq!(successors, i64::from(committed), "committed before the crash");
    scene.starts_again().await;
    // One successor, whether it is made now or was made and lost: nobody has to sign in again.
    let again = scene.sends(&scene.shop.refresh(&first)).await;
    again.is(200, "");
    assert_eq!(scene.site.facts.refresh_tokens(request).await, 2);
    scene.sends(&scene.shop.refresh(again.text("refresh_token"))).await.is(200, "");
    assert_eq!((scene.site.facts.grants(request).await, scene.site.facts.live_grants(request).await), (1, 1));
    scene.all_is_well(Some(request)).await;
}

/// Cut while the client redeems a code. It tries again.
async fn while_redeeming_a_code(stores: Stores<'_>, place: &str, committed: bool) {
    let mut scene = Scene::new(stores, place).await;
    let (code, transaction) = scene.site.code(&scene.web, scene.alice).await;
    scene.dies_of(&scene.web.redeem(&code)).await;
    assert_eq!(scene.site.facts.grants(transaction).await, i64::from(committed), "committed before the crash");
    scene.starts_again().await;
    let answer = scene.sends(&scene.web.redeem(&code)).await;
    if committed {
        // Given once, and lost on the way. Who comes with it again may be somebody else: what it gave ends.
        answer.is(400, "invalid_grant");
    } else {
        answer.is(200, "");
        scene.sends(&scene.web.refresh(answer.text("refresh_token"))).await.is(200, "");
        assert_eq!(scene.site.facts.live_grants(transaction).await, 1);
        scene.sends(&scene.web.redeem(&code)).await.is(400, "invalid_grant");
    }
    assert_eq!((scene.site.facts.grants(transaction).await, scene.site.facts.live_grants(transaction).await), (1, 0));
    scene.all_is_well(None).await;
}

/// Cut while a phone becomes a device by a key. It sends the same key again.
async fn while_pairing((sql, pending): Stores<'_>, place: &str, committed: bool) {
    let mut site = Site::new(sql, pending).await.patient();
    site.at_a_time = 1;
    let shop = site.relying_party("shop", false).await;
    let alice = site.person("alice").await;
    let key = site.pairing_key(alice).await;
    let mut node = site.node_that_dies_at(place).await;
    let mut phone = Phone::unpaired(node.public).await;
    let answer = send(node.public, &phone.pairing(&key)).await;
    assert!(answer.is_err(), "the node went on: {answer:?}");
    let status = node.ends(Duration::from_secs(10)).await;
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    let devices = "SELECT COUNT(*) FROM device";
    let used = "SELECT COUNT(*) FROM pairing_key WHERE used_at IS NOT NULL";
    for made in [devices, used] {
        assert_eq!(site.facts.count(made, []).await, i64::from(committed), "committed before the crash: {made}");
    }

    node = site.node().await;
    if committed {
        let stranger = Phone::unpaired(node.public).await;
        stranger.sends(node.public, &stranger.pairing(&key)).await.is(400, "PAIRING_KEY_INVALID");
    }
    // Whether it is made now or was made and not told: it is one device, by one pairing.
    let again = phone.sends(node.public, &phone.pairing(&key)).await;
    phone.paired(&again);
    let told = "SELECT COUNT(*) FROM audit WHERE action = 'device.paired' AND result = 'done'";
    for made in [devices, used, told] {
        assert_eq!(site.facts.count(made, []).await, 1, "{made}");
    }
    let id = shop.asks(node.public, "alice", &[]).await;
    let request = site.facts.request(&id).await.expect("a request").id;
    let question = phone.question(node.public).await;
    phone.sends(node.public, &phone.approve(&question)).await.is(200, "");
    polled_to_the_end(&shop, node.public, &id, SOON).await.is(200, "");
    site.facts.hold(request, Some("approved"), 1).await;
}

/// Whoever is asked at a node says yes: the `kid` of the token that comes of it, which a published key has signed.
async fn signed_by(shop: &RelyingParty, phone: &Phone, node: &Node) -> String {
    let id = shop.asks(node.public, "alice", &[]).await;
    let question = phone.question(node.public).await;
    phone.sends(node.public, &phone.approve(&question)).await.is(200, "");
    let tokens = polled_to_the_end(shop, node.public, &id, SOON).await;
    tokens.is(200, "");
    let published = send(node.public, &get(JWKS)).await.expect("an answer");
    let (header, _) = verify(tokens.text("id_token"), &published.body);
    header["kid"].as_str().expect("a kid").to_owned()
}

/// Cut while an operator rotates the keys, who does it again. All the time a node signs by a key that it publishes, be it
/// one that went on or one that was started in between.
async fn while_rotating((sql, pending): Stores<'_>, place: &str) {
    let mut site = Site::new(sql, pending).await.patient();
    site.at_a_time = 1;
    let shop = site.relying_party("shop", false).await;
    let alice = site.person("alice").await;
    let key = site.pairing_key(alice).await;
    let mut node = site.node().await;
    let phone = Phone::pair(node.public, &key).await;
    let before = signed_by(&shop, &phone, &node).await;
    let rotate = ["keys", "rotate", "--now"];
    let cut = site.command_that_dies_at(place, &rotate);
    assert_eq!(cut.status.signal(), Some(SIGABRT), "{cut:?}");
    signed_by(&shop, &phone, &node).await;
    node.kill();
    node = site.node().await;
    signed_by(&shop, &phone, &node).await;
    for state in ["current", "next"] {
        let many = format!(
            "SELECT COUNT(*) FROM (SELECT alg FROM signing_key WHERE state = '{state}' \
             GROUP BY alg HAVING COUNT(*) > 1) AS many"
        );
        assert_eq!(site.facts.count(&many, []).await, 0, "two that are {state}");
    }

    let again = site.command(&rotate);
    assert!(again.status.success(), "{again:?}");
    for state in ["current", "next"] {
        let keys = format!("SELECT COUNT(*) FROM signing_key WHERE state = '{state}'");
        assert_eq!(site.facts.count(&keys, []).await, 3, "one of each algorithm is {state}");
    }
    until("a token by another key", LEASE, || async {
        (signed_by(&shop, &phone, &node).await != before).then_some(())
    })
    .await;
}

macro_rules! kill_points {
    ($($name:ident: $scene:ident($($argument:expr),*);)*) => {
        mod embedded {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $scene((Sql::Sqlite, Pending::Embedded), $($argument),*).await;
            })*
        }
        mod redis {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $scene((Sql::Sqlite, Pending::Redis(Redis::shared())), $($argument),*).await;
            })*
        }
        mod postgresql {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let sql = Sql::Postgres(Postgres::shared());
                $scene((sql, Pending::Redis(Redis::shared())), $($argument),*).await;
            })*
        }
    };
}

kill_points! {
    k01_client_authenticated: while_asking("K1", false);
    k02_request_built: while_asking("K2", false);
    k03_request_saved: while_asking("K3", false);
    k04_in_the_inbox: while_asking("K4", true);
    k05_before_the_acknowledgement: while_asking("K5", true);
    k06_proof_checked: while_answering("K6", false);
    k07_decision_committed: while_answering("K7", true);
    k08_request_told: while_answering("K8", true);
    k09_inbox_told: while_answering("K9", true);
    k10_before_the_phone_is_told: while_answering("K10", true);
    k11_claimed: while_redeeming("K11", false);
    k12_before_the_commit: while_redeeming("K12", false);
    k13_after_the_commit: while_redeeming("K13", true);
    k14_finalised: while_redeeming("K14", true);
    k15_head_of_the_answer: while_telling(false);
    k16_half_of_the_body: while_telling(true);
    k17_before_the_successor: while_refreshing("K17", false);
    k18_after_the_successor: while_refreshing("K18", true);
    k19_before_the_grant_of_a_code: while_redeeming_a_code("K19", false);
    k20_after_the_grant_of_a_code: while_redeeming_a_code("K20", true);
    k21_pairing_key_used: while_pairing("K21", false);
    k22_device_made: while_pairing("K22", false);
    k23_before_the_phone_is_told_of_its_pairing: while_pairing("K23", true);
    k07_committed_and_not_pinged: while_pinging("K7", 0, 1);
    k30_ping_leased: while_pinging("K30", 0, 1);
    k31_ping_sent: while_pinging("K31", 1, 2);
    k32_ping_before_the_mark: while_pinging("K32", 1, 1);
    k27_try_of_a_code_counted: while_checking_a_code("K27", 1);
    k28_code_sent: while_sending_a_code("K28");
    k29_code_accepted: while_checking_a_code("K29", 2);
    k33_next_key_stored: while_rotating("K33");
    k34_next_key_announced: while_rotating("K34");
    k35_key_active: while_rotating("K35");
}

/// K7 while another node goes on: who waits there is told by it, without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_the_other_node_tells_what_was_committed() {
    let mut scene = Scene::new((Sql::Sqlite, Pending::Redis(Redis::shared())), "K7").await;
    let survivor = scene.site.node().await;
    let patient = scene.site.relying_party("patient", true).await;
    let id = until("a known client", SOON, || async {
        let answer = send(survivor.public, &patient.ask("alice", &[])).await.expect("an answer");
        (answer.status == 200).then(|| answer.text("auth_req_id").to_owned())
    })
    .await;
    let mut listener = scene.other.listen(survivor.public).await;
    listener.next("notification").await;
    let question = scene.phone.question(survivor.public).await;
    let mut poll = Held::new(survivor.public, &patient.poll(&id)).await.expect("a node that accepts");
    poll.release().expect("an open connection");
    scene.dies_of(&scene.phone.approve(&question)).await;
    let died = Instant::now();
    poll.answer().await.expect("an answer").is(200, "");
    assert_eq!(listener.next("canceled").await["reason"], "ALREADY_DECIDED");
    assert!(died.elapsed() < SOON + Duration::from_millis(500), "told after {:?}", died.elapsed());
}
