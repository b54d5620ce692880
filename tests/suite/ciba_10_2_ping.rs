//! [CIBA §10.2] A client in ping mode is told that its request was decided, and comes.

mod trouble;

use std::time::Duration;

use nod::domain::client::{Delivery, GrantType};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::id::AuthReqId;
use nod::store::ephemeral::Lifetime;
use serde_json::{Value, json};

use crate::admin::receiver::{Received, Receiver, Reply};
use crate::admin::until;
use crate::world::{Asked, BC_AUTHORIZE, Backing, Builder, Client, DISCOVERY, Person, Watch, World, seconds};

const TOKEN: &str = "Zq5-the.shop~knows+this/by==";
const ENDPOINT: &str = "backchannel_client_notification_endpoint";

/// Loopback may be called, and has time to answer.
fn patient() -> Builder {
    World::with().generous().settings(|settings| {
        let egress = EgressSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            total_timeout: seconds(20),
            ..EgressSettings::default()
        };
        settings.egress = Egress::new(&egress).unwrap();
    })
}

struct Scene {
    world: World,
    receiver: Receiver,
    shop: Client,
    alice: Person,
}

async fn scene(builder: Builder) -> Scene {
    let world = builder.start().await;
    world.guard(TOKEN);
    let receiver = Receiver::start();
    let shop = world.client("shop").pinged_at(receiver.url()).await;
    let alice = world.user("alice").with_phone().await;
    Scene { world, receiver, shop, alice }
}

/// A decision whose ping was refused once, and is sent again in a second.
async fn missed_once() -> (Scene, Asked) {
    let scene = scene(patient()).await;
    scene.receiver.will([Reply::Status(503)]);
    let asked = scene.approved(1).await;
    scene.is_planned_in(seconds(1)).await;
    (scene, asked)
}

impl Scene {
    async fn asks(&self) -> Asked {
        self.shop.ask_with(&self.alice, &[("client_notification_token", TOKEN)]).await
    }

    /// Asked, approved, and heard so often.
    async fn approved(&self, heard: usize) -> Asked {
        let asked = self.asks().await;
        self.alice.phone().approve_the_question().await;
        self.receiver.gets(heard).await;
        asked
    }

    /// The next try is planned for so long from now.
    async fn is_planned_in(&self, pause: Duration) {
        let due = format!("due_at={}", (self.world.now() + pause).millis());
        until("the next try is planned", async || {
            pings(&self.world).await.iter().any(|row| row.contains(&due)).then_some(())
        })
        .await;
    }

    /// Nothing is left to be told, nor what it would be made from.
    async fn is_over(&self, asked: &Asked) {
        until("nothing is left to be told", async || pings(&self.world).await.is_empty().then_some(())).await;
        let (callbacks, id) = (self.world.parts().callbacks.clone(), asked.auth_req_id.clone());
        let kept = async move { callbacks.find(&AuthReqId::presented(&id).digest()).await.unwrap() };
        assert!(self.world.among_servers(kept).await.is_none(), "the token is kept");
    }
}

async fn pings(world: &World) -> Vec<String> {
    let rows = world.rows("outbox").await;
    rows.into_iter().filter(|row| row.contains("kind=ping")).collect()
}

/// A ping of this request, and nothing besides.
fn is_ping(received: &Received, asked: &Asked) {
    assert_eq!(received.line, "POST /hook HTTP/1.1");
    assert_eq!(received.content_type, "application/json");
    assert_eq!(received.authorization, format!("Bearer {TOKEN}"));
    assert_eq!(received.body, format!("{{\"auth_req_id\":\"{}\"}}", asked.auth_req_id));
}

/// What the audit trail says of pings since.
async fn audited(watch: &Watch) -> Vec<(String, Option<String>)> {
    let events = watch.events().await.into_iter().filter(|event| event.action == "request.pinged");
    events.map(|event| (event.result, event.reason)).collect()
}

fn done() -> (String, Option<String>) {
    ("done".to_owned(), None)
}

fn refused(why: &str) -> (String, Option<String>) {
    ("refused".to_owned(), Some(why.to_owned()))
}

/// A while in which nothing happens.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(1200)).await;
}

#[tokio::test]
async fn ciba_10_2_a_client_is_told_of_an_approval_and_comes() {
    for builder in [patient(), patient().redis(), patient().backing(Backing::Postgres).redis()] {
        let scene = scene(builder).await;
        let watch = scene.world.watch().await;
        let asked = scene.asks().await;
        assert_eq!((&asked.json["interval"], asked.json.as_object().unwrap().len()), (&json!(5), 3));
        a_while().await;
        assert_eq!(scene.receiver.received().len(), 0, "nobody has answered");
        scene.alice.phone().approve_the_question().await;
        let received = scene.receiver.gets(1).await;
        is_ping(&received[0], &asked);
        scene.shop.poll(&asked).await.tokens();
        scene.is_over(&asked).await;
        a_while().await;
        assert_eq!(scene.receiver.received().len(), 1, "once");
        assert_eq!(audited(&watch).await, [done()]);
    }
}

#[tokio::test]
async fn ciba_10_2_a_client_is_told_of_a_denial_however_it_came() {
    let scene = scene(patient()).await;
    let phone = scene.alice.phone();
    let mut heard = 0;
    for way in ["denied", "reported"] {
        let asked = scene.asks().await;
        let question = phone.question().await;
        let reason = if way == "denied" { nod_device::DenyReason::None } else { nod_device::DenyReason::ReportFraud };
        phone.deny(&question, reason).await.ok();
        heard += 1;
        is_ping(&scene.receiver.gets(heard).await[heard - 1], &asked);
        scene.shop.poll(&asked).await.refused(400, "access_denied");
        scene.is_over(&asked).await;
    }
    assert_eq!(scene.receiver.received().len(), 2, "once each");
}

#[tokio::test]
async fn ciba_10_2_a_person_without_a_phone_has_denied_and_the_client_hears_it_after_the_answer() {
    let scene = scene(patient()).await;
    let bob = scene.world.user("bob").await;
    let asked = scene.shop.ask_with(&bob, &[("client_notification_token", TOKEN)]).await;
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 0, "it may not have its answer yet");
    scene.world.clock.advance(seconds(1));
    is_ping(&scene.receiver.gets(1).await[0], &asked);
    scene.shop.poll(&asked).await.refused(400, "access_denied");
    scene.is_over(&asked).await;
}

#[tokio::test]
async fn ciba_10_2_who_withdraws_is_not_told_and_who_is_withdrawn_from_is() {
    let scene = scene(patient()).await;
    let asked = scene.asks().await;
    assert_eq!(scene.shop.revoke(&asked.auth_req_id, Some("auth_req_id")).await.status, 200);
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 0);

    let asked = scene.asks().await;
    let admin = scene.world.admin().await;
    // It is listed from the audit trail, which hears of it a moment later.
    let id = until("a listed request", async || {
        let listed = admin.get("/admin/v1/requests?status=pending").await.ok();
        listed["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(admin.act(&format!("/admin/v1/requests/{id}/cancel")).await.status, 200);
    is_ping(&scene.receiver.gets(1).await[0], &asked);
    scene.shop.poll(&asked).await.refused(400, "invalid_grant");
}

/// What is told at the end of the time is left to the provider [CIBA §10.2]: nothing is.
#[tokio::test]
async fn ciba_10_2_silence_is_not_told() {
    let scene = scene(patient()).await;
    let asked = scene.asks().await;
    scene.world.clock.advance(seconds(121));
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 0);
    scene.shop.poll(&asked).await.refused(400, "expired_token");
}

#[tokio::test]
async fn ciba_7_1_a_ping_client_brings_a_bearer_token() {
    let scene = scene(patient()).await;
    let usual = [("login_hint", "alice"), ("scope", "openid")];
    let longest = "x".repeat(1024);
    let longer = "x".repeat(1025);
    for bad in ["", "a b", "a\r\nx-evil: 1", "a=b", "=", "ü", "a,b", "a\0", &longer] {
        let watch = scene.world.watch().await;
        let fields = [&usual[..], &[("client_notification_token", bad)]].concat();
        scene.shop.bc_authorize(&fields).await.refused(400, "invalid_request");
        watch.only_a_refusal(bad).await;
    }
    let watch = scene.world.watch().await;
    scene.shop.bc_authorize(&usual).await.refused(400, "invalid_request");
    watch.only_a_refusal("no token").await;
    let fields = [&usual[..], &[("client_notification_token", longest.as_str())]].concat();
    scene.shop.bc_authorize(&fields).await.ok();
    scene.alice.phone().approve_the_question().await;
    assert_eq!(scene.receiver.gets(1).await[0].authorization, format!("Bearer {longest}"));
}

/// Beside a signed question, it would be signed by nobody.
#[tokio::test]
async fn ciba_7_1_1_in_a_signed_question_the_token_is_signed() {
    let world = patient().start().await;
    world.guard(TOKEN);
    let receiver = Receiver::start();
    let shop = world.client("shop").private_key_jwt(nod::protocol::algorithm::Algorithm::ES256);
    let shop = shop.pinged_at(receiver.url()).await;
    let alice = world.user("alice").with_phone().await;
    let now = world.now().seconds();
    let claims = |extra: Value| {
        let mut claims = json!({
            "iss": "shop", "aud": world.issuer(), "iat": now, "nbf": now, "exp": now + 60, "jti": extra.to_string(),
            "scope": "openid", "login_hint": "alice",
        });
        claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        shop.key().jws(&shop.header(), &claims)
    };
    let bare = claims(json!({}));
    shop.bc_authorize(&[("request", &bare)]).await.refused(400, "invalid_request");
    let beside = [("request", bare.as_str()), ("client_notification_token", TOKEN)];
    shop.bc_authorize(&beside).await.refused(400, "invalid_request");
    let whole = claims(json!({ "client_notification_token": TOKEN }));
    let json = shop.bc_authorize(&[("request", &whole)]).await.ok();
    let asked = Asked { auth_req_id: json["auth_req_id"].as_str().unwrap().to_owned(), json };
    alice.phone().approve_the_question().await;
    is_ping(&receiver.gets(1).await[0], &asked);
}

/// [reliability I14] Whoever is told comes at once, and finds the decision: also where the store had lost it.
#[tokio::test]
async fn i14_the_decision_is_there_when_the_client_is_told() {
    let scene = scene(patient()).await;
    scene.receiver.will(vec![Reply::Status(503); 3]);
    let asked = scene.asks().await;
    let (requests, digest) = (scene.world.parts().requests.clone(), AuthReqId::presented(&asked.auth_req_id).digest());
    let older = async move { requests.get(&digest).await.unwrap().unwrap() };
    let older = scene.world.among_servers(older).await;
    scene.alice.phone().approve_the_question().await;
    for (heard, pause) in [(1, 1), (2, 2), (3, 5)] {
        scene.receiver.gets(heard).await;
        scene.is_planned_in(seconds(pause)).await;
        scene.world.clock.advance(seconds(pause - u64::from(heard == 3)));
    }
    // Nobody looks after the decision any more.
    until("only the ping is left", async || (scene.world.rows("outbox").await.len() == 1).then_some(())).await;
    let requests = scene.world.parts().requests.clone();
    let takes_over = async move { requests.update(&digest, Lifetime::Keep, |_| (older.clone(), ())).await };
    scene.world.among_servers(takes_over).await.unwrap().unwrap();
    scene.world.clock.advance(seconds(1));
    is_ping(&scene.receiver.gets(4).await[3], &asked);
    scene.shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn ciba_10_1_a_ping_client_may_poll_and_who_has_the_tokens_is_not_told_again() {
    let scene = scene(patient()).await;
    scene.receiver.will([Reply::Status(503)]);
    let asked = scene.asks().await;
    scene.shop.poll(&asked).await.refused(400, "authorization_pending");
    scene.shop.poll(&asked).await.refused(400, "slow_down");
    scene.alice.phone().approve_the_question().await;
    scene.receiver.gets(1).await;
    scene.shop.poll(&asked).await.tokens();
    scene.is_planned_in(seconds(1)).await;
    scene.world.clock.advance(seconds(1));
    scene.is_over(&asked).await;
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 1);
}

/// Nobody has failed to tell a client that does not want to be told.
#[tokio::test]
async fn ciba_10_2_a_client_that_polls_by_now_is_not_said_to_be_given_up() {
    let (scene, asked) = missed_once().await;
    let watch = scene.world.watch().await;
    scene.shop.update(|client| client.backchannel.as_mut().unwrap().delivery = Delivery::Poll).await;
    // Neither is there anything to come for, nor to tell it with.
    scene.world.clock.advance(seconds(400));
    scene.is_over(&asked).await;
    let said = audited(&watch).await;
    assert!(said.is_empty(), "{said:?}");
}

/// Whoever polls pays nothing for those who are told.
#[tokio::test]
async fn a_poll_client_leaves_nothing_more_than_its_request() {
    let world = patient().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask_with(&alice, &[("client_notification_token", TOKEN)]).await;
    let kept = world.rows("ephemeral").await;
    let of_kind = |tag: &str| kept.iter().filter(|row| row.starts_with(&format!("key={tag}"))).count();
    assert_eq!((of_kind("72"), of_kind("6e")), (1, 0), "{kept:?}");
    alice.phone().approve_the_question().await;
    assert!(pings(&world).await.is_empty());
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn ciba_4_a_client_registers_where_it_is_told() {
    let world = World::start().await;
    let admin = world.admin().await;
    let endpoint = "https://shop.example:8443/ping?a=b";
    let asked = json!({ "client_id": "till", "backchannel_token_delivery_mode": "ping", ENDPOINT: endpoint });
    let made = admin.post("/admin/v1/clients", &asked).await.json()["client"].clone();
    assert_eq!((&made["backchannel_token_delivery_mode"], &made[ENDPOINT]), (&json!("ping"), &json!(endpoint)));
    let read = admin.get("/admin/v1/clients/till").await.ok();
    assert_eq!(read[ENDPOINT], endpoint);
    let mode = "backchannel_token_delivery_mode";
    for (patch, pointer) in [
        (json!({ ENDPOINT: null }), ENDPOINT),
        (json!({ mode: "poll" }), ENDPOINT),
        (json!({ mode: null }), ENDPOINT),
        (json!({ "grant_types": ["client_credentials"], mode: null, "long_poll": null }), ENDPOINT),
    ] {
        let refused = admin.patch("/admin/v1/clients/till", &patch).await;
        assert_eq!(refused.status, 422, "{patch}");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{pointer}"), "{patch}");
    }
    let refused = admin.patch("/admin/v1/clients/till", &json!({ mode: "push" })).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    let left = admin.patch("/admin/v1/clients/till", &json!({ mode: "poll", ENDPOINT: null })).await.ok();
    assert_eq!((&left[mode], left.get(ENDPOINT)), (&json!("poll"), None));
    let metadata = world.get(DISCOVERY).await.json();
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
}

/// [CIBA §13] Without the grant, the token is not even looked at.
#[tokio::test]
async fn ciba_13_a_ping_client_without_the_grant_may_not_ask() {
    let world = World::start().await;
    let shop = world.client("shop").pinged_at("https://shop.example/ping".to_owned());
    let shop = shop.grants([GrantType::RefreshToken]).await;
    let fields = [("login_hint", "alice"), ("scope", "openid")];
    shop.post(BC_AUTHORIZE, &fields).await.refused(400, "unauthorized_client");
}

/// [flows F12] So is one whose people are asked on the phone that an MFA policy names.
#[tokio::test]
async fn f12_whoever_asks_by_an_mfa_policy_is_told_as_well() {
    let scene = scene(patient()).await;
    crate::device_trust::asked_by(&scene.world.admin().await, json!({ "id": "mfa" })).await;
    let asked = scene.approved(1).await;
    is_ping(&scene.receiver.received()[0], &asked);
    scene.shop.poll(&asked).await.tokens();
    scene.is_over(&asked).await;
}
