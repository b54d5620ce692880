//! What others try with payloads, tickets, devices and questions (security.md 1.10, 1.14), and what an app makes of an ID
//! token that is not for it [flows.md T1.6, T2.10, H.8].

use futures_util::future::join_all;
use nod_device::id_token::process_id_token;
use nod_device::messages::DeviceRole;
use nod_device::{Call, DeviceKey as _, Expectations, IdTokenError, Issuer, KeySet, Processed, PushMessage, Timestamp};
use ring::hmac;
use serde_json::Value;

use super::new_device::policy;
use super::races::KNOWN;
use super::step_up::{WAITING, poll, without_numbers};
use super::{PAIRING, PASSWORD, Scene, authenticate, claims, json, ticket, usual};
use crate::sign_in::flow_api::post;
use crate::sign_in::{links, refused};
use crate::world::{Answer, Browser, Client, FLOWS, Phone, World, b64, compact, decoded, seconds};

impl Scene {
    /// Somebody at their second factor, with this client, on this node.
    async fn begun(&self, client: &Client, username: &str, node: usize) -> (Browser, String) {
        let mut browser = self.world.browser().at(node);
        let first = browser.flow(client, &[]).await;
        let id = first["id"].as_str().unwrap().to_owned();
        let state = browser.password(&id, username, PASSWORD).await.ok();
        assert_eq!(state["status"], "AUTHENTICATION_REQUIRED");
        (browser, id)
    }

    /// What the SDK makes of an ID token.
    async fn processed(&self, id_token: &str, change: impl FnOnce(&mut Expected)) -> Result<Processed, IdTokenError> {
        let nonce = decoded(id_token).1["nonce"].as_str().map(str::to_owned);
        let mut expected = Expected {
            issuer: self.world.issuer().to_owned(),
            of: Expectations { client_id: self.shop.id.clone(), nonce },
            keys: self.world.get("/pf/JWKS").await.body,
        };
        change(&mut expected);
        let (issuer, keys) = (Issuer::parse(&expected.issuer).unwrap(), KeySet::parse(&expected.keys).unwrap());
        let now = Timestamp::from_millis(self.world.now().millis());
        process_id_token(id_token, &keys, &issuer, &expected.of, now, nod_device::client::verify)
    }
}

/// What an app knows of the sign-in that it has begun.
struct Expected {
    issuer: String,
    of: Expectations,
    keys: Vec<u8>,
}

fn is_no_payload(answer: &Answer) {
    refused(answer, 400, "VALIDATION_ERROR", Some("INVALID_MOBILE_PAYLOAD"));
}

/// Refused, and the flow is where it was.
async fn changes_nothing(browser: &mut Browser, id: &str, payload: &str) {
    let before = browser.get(&format!("{FLOWS}{id}")).await.ok();
    is_no_payload(&authenticate(browser, id, payload).await);
    assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), before);
}

#[tokio::test]
async fn t1_6_the_second_factor_is_asked_for_in_either_way() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let mut states = Vec::new();
    for (query, kind) in [
        ("", "application/vnd.pingidentity.authenticate+json"),
        ("?action=authenticate", "application/json"),
        ("?action=authenticate", "application/vnd.pingidentity.authenticate+json"),
    ] {
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        let body = json!({ "mobilePayload": phone.payload(|_| {}) }).to_string();
        let mut state = post(&mut browser, &format!("{id}{query}"), kind, true, &body).await.ok();
        assert_eq!(state["code"], "device_authorized");
        state["id"] = Value::Null;
        state["_links"] = json!(links(&state));
        states.push(state);
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "{states:?}");

    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let before = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let body = json!({ "mobilePayload": phone.payload(|_| {}) }).to_string();
    let vendor = "application/vnd.pingidentity.authenticate+json";
    for (query, kind, marked, status, code, detail) in [
        ("?action=poll", vendor, true, 400, "INVALID_REQUEST", Some("INVALID_CONTENT_TYPE")),
        ("", "application/json", true, 400, "INVALID_REQUEST", Some("INVALID_CONTENT_TYPE")),
        ("?action=authenticate", "text/plain", true, 415, "INVALID_REQUEST", None),
        ("?action=authenticate", "application/json", false, 403, "INVALID_REQUEST", None),
        ("", vendor, false, 403, "INVALID_REQUEST", None),
    ] {
        let answer = post(&mut browser, &format!("{id}{query}"), kind, marked, &body).await;
        refused(&answer, status, code, detail);
        assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), before, "{query} {kind}");
    }
}

#[tokio::test]
async fn t2_10_an_offer_of_another_issuer_or_for_another_client_is_none() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let (mut browser, id, _) = scene.by(&phone).await;
    let tokens = scene.tokens(&mut browser, &id).await;
    let token = tokens["id_token"].as_str().unwrap();
    assert!(matches!(scene.processed(token, |_| {}).await, Ok(Processed::Offer(_))));
    let other_issuer = scene.processed(token, |expected| expected.issuer = "https://other.example".to_owned());
    assert_eq!(other_issuer.await, Err(IdTokenError::Issuer));
    let other_client = scene.processed(token, |expected| expected.of.client_id = "another".to_owned());
    assert_eq!(other_client.await, Err(IdTokenError::Audience));
    let other_sign_in = scene.processed(token, |expected| expected.of.nonce = Some("of another".to_owned()));
    assert_eq!(other_sign_in.await, Err(IdTokenError::Nonce));
    let no_key_of_theirs = scene.processed(token, |expected| expected.keys = br#"{"keys":[]}"#.to_vec());
    assert_eq!(no_key_of_theirs.await, Err(IdTokenError::KeyUnknown));
    // The same with an offer that nobody signed.
    let (header, mut forged) = decoded(token);
    forged["aud"] = json!("another");
    let (_, signature) = token.rsplit_once('.').unwrap();
    let unsigned = compact(&header, &forged, |_| Vec::new());
    let forged = format!("{unsigned}{signature}");
    let forged = scene.processed(&forged, |expected| expected.of.client_id = "another".to_owned());
    assert_eq!(forged.await, Err(IdTokenError::Signature));
}

/// [flows.md H.8]
#[tokio::test]
async fn h8_a_trusted_app_without_extra_verification_is_offered_nothing() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let (mut browser, id, state) = scene.by(&phone).await;
    assert_eq!(state["code"], "device_authorized");
    let tokens = scene.tokens(&mut browser, &id).await;
    let token = tokens["id_token"].as_str().unwrap();
    assert_eq!(scene.processed(token, |_| {}).await, Ok(Processed::Nothing));
}

/// [flows.md H.8] whoever has a trusted app, and signs in without it.
#[tokio::test]
async fn h8_without_a_payload_nothing_is_enrolled_and_no_device_authorizes() {
    let scene = Scene::of(policy()).await;
    let phone = scene.trusted().await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!((&state["status"], state.get("silent")), (&json!(WAITING), None), "{state}");
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING, "somebody has to answer");
    phone.approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], told.get("device_enrollment")), (&json!("urn:nod:acr:device"), None));
    // Nor on our own pages.
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect("a page that waits for the phone");
    assert_eq!(browser.get(&format!("{FLOWS}{}", page.flow())).await.ok()["status"], WAITING);
    assert_eq!(scene.devices().await, 1);
}

#[tokio::test]
async fn security_85_a_payload_is_of_one_sign_in_of_one_person_with_one_client() {
    let scene = Scene::of(usual()).await;
    scene.world.user("bob").with_password(PASSWORD).await;
    let phone = scene.world.phone();
    let payload = phone.payload(|_| {});
    let (mut of_alice, id) = scene.begun(&scene.shop, "alice", 0).await;
    assert_eq!(authenticate(&mut of_alice, &id, &payload).await.ok()["status"], PAIRING);
    // That of another person, and another one of the same.
    for username in ["bob", "alice"] {
        let (mut browser, id) = scene.begun(&scene.shop, username, 0).await;
        changes_nothing(&mut browser, &id, &payload).await;
    }
    // A client without an app, and one with an app of its own.
    let other = scene.world.client("other").signs_in().redirectless().implied_consent().await;
    let (mut browser, id) = scene.begun(&other, "alice", 0).await;
    changes_nothing(&mut browser, &id, &phone.payload(|_| {})).await;
    {
        let admin = scene.world.robot("another", "nod:admin").await;
        let app =
            json!({ "id": "other-app", "name": "Another", "client": "other", "package_name": "com.example.other" });
        super::made(&admin, "/admin/v1/native-applications", app).await;
    }
    changes_nothing(&mut browser, &id, &phone.payload(|_| {})).await;
    // It lasts two minutes, and one more is for clocks that differ.
    for (later, good) in [(179, true), (180, false)] {
        let (mut browser, id) = scene.begun(&scene.shop, "alice", 0).await;
        let payload = phone.payload(|_| {});
        scene.world.clock.advance(seconds(later));
        if good {
            assert_eq!(authenticate(&mut browser, &id, &payload).await.ok()["status"], PAIRING);
        } else {
            changes_nothing(&mut browser, &id, &payload).await;
        }
    }
}

/// [security 85] at once, in eight sign-ins on two nodes.
#[tokio::test]
async fn security_85_of_many_sign_ins_with_one_payload_one_has_it() {
    let world = World::with().redis().nodes(2).start().await;
    let scene = Scene::in_world(world, usual()).await;
    let payload = scene.world.phone().payload(|_| {});
    let mut sign_ins = Vec::new();
    for n in 0..8 {
        sign_ins.push(scene.begun(&scene.shop, "alice", n % 2).await);
    }
    let tries = sign_ins.iter_mut().map(|(browser, id)| authenticate(browser, id, &payload));
    let answers = join_all(tries).await;
    let (had, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(had.len(), 1, "{answers:?}");
    refused.into_iter().for_each(is_no_payload);
    let mut left = 0;
    for (browser, id) in &mut sign_ins {
        let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
        left += usize::from(state["status"] == "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(left, 7, "where they were");
}

#[tokio::test]
async fn security_87_no_payload_is_signed_in_a_weaker_way_or_of_another_version() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let (header, claims) = decoded(&phone.payload(|_| {}));
    let signed =
        |header: &Value, claims: &Value| compact(header, claims, |input| phone.key().sign(input).unwrap().to_vec());
    let (mut browser, id) = scene.begun(&scene.shop, "alice", 0).await;
    let with = |name: &str, value: Value| {
        let mut changed = header.clone();
        changed[name] = value;
        changed
    };
    let mut all = Vec::new();
    for alg in ["none", "None", "HS256", "ES384", "RS256", "EdDSA", ""] {
        all.push(signed(&with("alg", json!(alg)), &claims));
    }
    all.push(compact(&with("alg", json!("none")), &claims, |_| Vec::new()));
    all.push(compact(&header, &claims, |_| Vec::new()));
    all.push(compact(&header, &claims, |_| vec![0; 64]));
    // HMAC with the public key as the secret.
    let public = header["jwk"].to_string();
    all.push(compact(&with("alg", json!("HS256")), &claims, |input| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes()), input).as_ref().to_vec()
    }));
    // A key that somebody else holds, and one that is private no more.
    let theirs = json!(nod_device::SoftwareKey::generate().unwrap().public_jwk());
    all.push(signed(&with("jwk", theirs), &claims));
    let mut private = header["jwk"].clone();
    private["d"] = json!(b64(&[1; 32]));
    all.push(signed(&with("jwk", private), &claims));
    for typ in ["JWT", "nod-proof+jwt", "dpop+jwt", ""] {
        all.push(signed(&with("typ", json!(typ)), &claims));
    }
    for (member, value) in [("kid", json!("x")), ("jku", json!("https://evil.example/jwks")), ("crit", json!(["exp"]))]
    {
        all.push(signed(&with(member, value), &claims));
    }
    for version in [json!(0), json!(-1), json!("1"), Value::Null] {
        all.push(phone.payload(|claims| claims["v"] = version));
    }
    for name in ["v", "aud", "app", "pkg", "iat", "exp", "jti"] {
        all.push(phone.payload(|claims| drop(claims.as_object_mut().unwrap().remove(name))));
    }
    for payload in &all {
        changes_nothing(&mut browser, &id, payload).await;
    }
    assert!(scene.world.rows("device").await.is_empty());
    assert_eq!(authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok()["status"], PAIRING);
}

/// [security 93] two people sign in by one app: each ticket is of one of them.
#[tokio::test]
async fn security_93_a_ticket_makes_a_device_of_nobody_else() {
    let scene = Scene::of(usual()).await;
    scene.world.user("bob").with_password(PASSWORD).await;
    let mut phone = scene.world.phone();
    let mut tickets = Vec::new();
    for username in ["alice", "bob"] {
        let (mut browser, id) = scene.begun(&scene.shop, username, 0).await;
        let state = authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok();
        tickets.push(ticket(&state).to_owned());
    }
    assert_ne!(tickets[0], tickets[1]);
    assert_eq!(phone.see(&tickets[0]).await.ok()["user"]["display"], "The real alice");
    assert_eq!(phone.see(&tickets[1]).await.ok()["user"]["display"], "The real bob");
    // The phone of somebody else sees neither, and spoils none.
    for ticket in &tickets {
        let mut stranger = scene.world.phone();
        stranger.see(ticket).await.problem(404, "ENROLLMENT_NOT_FOUND");
        stranger.enrol(ticket).await.problem(404, "ENROLLMENT_NOT_FOUND");
        stranger.refuse_enrolment(ticket).await.problem(404, "ENROLLMENT_NOT_FOUND");
    }
    assert_eq!(phone.enrol(&tickets[0]).await.json()["user"]["username"], "alice");
    let people = phone.me().await.users;
    assert_eq!(people.iter().map(|user| user.username.as_str()).collect::<Vec<_>>(), ["alice"]);
    // bob has no device by that, and one when his own is answered.
    let (mut browser, id) = scene.begun(&scene.shop, "bob", 0).await;
    assert_eq!(browser.act(&id, "authenticate", &json!({})).await.ok()["code"], "bypassed");
    assert_eq!(phone.enrol(&tickets[1]).await.json()["user"]["username"], "bob");
    let people = phone.me().await.users;
    assert!(people.len() == 2 && people.iter().all(|user| user.role == DeviceRole::Primary), "{people:?}");
}

/// What a device had under way on another node when it was blocked or unpaired.
struct UnderWay {
    /// Authorized by it, and not gone on.
    silent: (Browser, String),
    code: String,
    refresh_token: String,
    /// The person is asked on it.
    asked: (Browser, String),
    question: nod_device::Notification,
}

impl UnderWay {
    async fn at(scene: &Scene, phone: &Phone, node: usize) -> Self {
        let authorized = async || {
            let (mut browser, id) = scene.begun(&scene.shop, "alice", node).await;
            let state = authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok();
            assert_eq!(state["code"], "device_authorized");
            (browser, id)
        };
        let (mut browser, id) = authorized().await;
        let tokens = scene.tokens(&mut browser, &id).await;
        let refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let (mut browser, id) = authorized().await;
        let state = browser.act(&id, "continueAuthentication", &json!({})).await.ok();
        let code = state["authorizeResponse"]["code"].as_str().unwrap().to_owned();
        let silent = authorized().await;
        let (mut browser, id) = scene.begun(&scene.shop, "alice", node).await;
        assert_eq!(browser.act(&id, "authenticate", &json!({})).await.ok()["status"], WAITING);
        let question = phone.question().await;
        Self { silent, code, refresh_token, asked: (browser, id), question }
    }
}

/// [security 94] within a second.
#[tokio::test]
async fn security_94_a_blocked_or_unpaired_device_is_trusted_on_no_other_node() {
    for blocked in [true, false] {
        let scene = Scene::in_world(World::with().redis().nodes(2).start().await, policy()).await;
        let mut phone = scene.trusted().await;
        phone.move_to(1);
        let UnderWay { mut silent, code, refresh_token, mut asked, question } = UnderWay::at(&scene, &phone, 1).await;
        let elsewhere = scene.shop.at(1);
        if blocked {
            phone.block().await;
        } else {
            phone.unpair_by_administrator().await;
        }
        let grants = scene.world.rows("token_grant").await.len();
        tokio::time::sleep(KNOWN).await;

        let (status, told) = if blocked { (403, "DEVICE_BLOCKED") } else { (401, "DEVICE_UNKNOWN") };
        phone.approve(&question).await.problem(status, told);
        phone.reached_at("FCM", "production", "another:token").await.problem(status, told);
        let ended = silent.0.act(&silent.1, "continueAuthentication", &json!({})).await.ok();
        assert_eq!(ended["authorizeResponse"]["error"], "access_denied", "{ended}");
        elsewhere.redeem(&code).await.refused(400, "invalid_grant");
        elsewhere.refresh(&refresh_token).await.refused(400, "invalid_grant");
        let state = poll(&mut asked.0, &asked.1).await;
        assert!(state["status"] != WAITING && state["code"] != "push_confirmed", "{state}");
        let (mut browser, id) = scene.begun(&scene.shop, "alice", 1).await;
        let state = authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok();
        if blocked {
            assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("DEVICE_BLOCKED")));
        } else {
            assert_eq!(state["status"], PAIRING, "a phone like any other");
        }
        assert_eq!(scene.world.rows("token_grant").await.len(), grants);
        assert!(scene.world.rows("push_token").await.is_empty());
    }
}

/// [security 94] nor by what its app answers to a push that nobody sees.
#[tokio::test]
async fn security_94_a_blocked_or_unpaired_device_answers_no_silent_push_on_another_node() {
    for blocked in [true, false] {
        let mut mfa = policy();
        mfa["applications"][0]["extra_verification"] = json!("permissive");
        let scene = Scene::in_world(World::with().redis().nodes(2).start().await, mfa).await;
        let mut phone = scene.trusted().await;
        phone.move_to(1);
        let mut events = phone.listen().await;
        assert_eq!(events.next().await.unwrap().0, "ready");
        let (mut browser, id, state) = scene.by(&phone).await;
        assert_eq!((&state["status"], &state["silent"]), (&json!(WAITING), &json!(true)));
        let (_, pushed) = events.next().await.unwrap();
        let said = PushMessage::read(pushed.to_string().as_bytes()).unwrap();
        if blocked {
            phone.block().await;
        } else {
            phone.unpair_by_administrator().await;
        }
        tokio::time::sleep(KNOWN).await;
        let answer = Call::acknowledge(phone.installation(), said.notification_id, said.pv.unwrap());
        let (status, told) = if blocked { (403, "DEVICE_BLOCKED") } else { (401, "DEVICE_UNKNOWN") };
        phone.call(&answer).await.problem(status, told);
        let state = poll(&mut browser, &id).await;
        if blocked {
            assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("DEVICE_BLOCKED")));
        } else {
            assert_eq!(state["status"], PAIRING, "a phone like any other");
        }
    }
}

/// [security 125] each with a signature of its own, and there is no call for both.
#[tokio::test]
async fn security_125_two_questions_that_wait_are_answered_one_by_one() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let phone = scene.alice.phone();
    let mut sign_ins = [scene.asked().await, scene.asked().await];
    let pending = phone.pending().await;
    let [first, second] = &pending[..] else { panic!("two questions: {pending:?}") };
    // What was signed for one says nothing of the other, wherever it is sent.
    let approval = phone.craft_approval(first, None);
    let mut moved = approval.clone();
    moved.path = phone.craft_approval(second, None).path;
    phone.send_with(&moved, &phone.sign(&approval)).await.problem(401, "PROOF_INVALID");
    let swapped = phone.craft_approval(second, None).claim("notificationId", first.notification_id.to_string());
    phone.send(&swapped).await.problem(400, "PROOF_MISMATCH");
    let both = phone.craft_approval(first, None);
    let body: Value = serde_json::from_slice(both.body.as_deref().unwrap()).unwrap();
    let both = both.bytes(json!([body, body]).to_string().into_bytes());
    assert_eq!(phone.send(&both).await.status, 400);
    assert_eq!(phone.pending().await.len(), 2);

    phone.approve(first).await.ok();
    let mut confirmed = 0;
    for (browser, id, _) in &mut sign_ins {
        let state = poll(browser, id).await;
        confirmed += usize::from(state["code"] == "push_confirmed");
    }
    assert_eq!(confirmed, 1, "the other one waits");
    assert_eq!(phone.question().await.notification_id, second.notification_id);
}
