//! The examples in the `OpenAPI` documents are exchanges that happen: each is made anew here, and what
//! was sent and what came back are compared with `openapi/examples.json`. What chance makes (tokens,
//! identifiers, keys) is compared by its place only. `NOD_WRITE_EXAMPLES=1` writes what has changed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nod::domain::client::GrantType;
use nod::usecase::register_client::Admission;
use nod_device::messages::LogsRequest;
use nod_device::{Call, DenyReason, SoftwareKey};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::admin::receiver::Receiver;
use crate::admin::robot::{Robot, usr};
use crate::admin::{bootstrap, location, until, webhooks};
use crate::device_trust;
use crate::sign_in::PASSWORD;
use crate::world::authenticator::Passkey;
use crate::world::authenticator_app::AuthenticatorApp;
use crate::world::{
    AUTHORIZE, Answer, CALLBACK, CHALLENGE, Client, DISCOVERY, EXAMPLES, FLOWS, JWKS, LOGOUT, PAR, Phone, REGISTER,
    World, asked, enc, seconds,
};

type Examples = BTreeMap<String, Value>;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi").join(name)
}

/// What each operation is called.
fn operations() -> BTreeSet<String> {
    let document: Value = serde_json::from_slice(&std::fs::read(file("nod.json")).unwrap()).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    operations.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect()
}

/// The same with another text for each that comes from chance: 20 characters of an identifier or a
/// token, the digits of a pairing key, the code of a device, or
/// a support ID.
fn masked(value: &Value) -> Value {
    let random = |part: &str| {
        part.len() >= 20 && part.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            || part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
            || nod::protocol::user_code::UserCode::typed(part).is_some_and(|code| code.to_string() == part)
            || nod::domain::device_log::SupportId::parse(part).is_some_and(|id| id.as_str() == part)
    };
    match value {
        Value::String(text) if text.starts_with("whsec_") => json!("whsec_*"),
        Value::String(text) => {
            let parts = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
            let mask = |part: &str| {
                let end = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
                if random(end) { format!("*{}", &part[end.len()..]) } else { part.to_owned() }
            };
            Value::String(parts.map(mask).collect())
        }
        // What was made in the same moment is listed in the order of chance.
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(masked).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), masked(member))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The first of a stream, which has no end.
async fn first(mut response: Response) -> String {
    assert_eq!(response.status(), 200);
    let mut text = String::new();
    while !text.contains("\n\n") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().expect("an event")).unwrap());
    }
    let end = text.find("\n\n").unwrap();
    text.truncate(end + 2);
    text
}

async fn made(admin: &Robot<'_>, path: &str, body: &Value) -> (String, Value) {
    let answer = admin.post(path, body).await;
    (location(&answer), answer.json())
}

async fn relying_party(world: &World, admin: &Robot<'_>) -> String {
    world.clock.advance(seconds(1));
    let body = json!({
        "client_id": "kiosk",
        "client_name": "Kiosk",
        "grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba", "refresh_token"],
        "redirect_uris": ["https://kiosk.example/callback"],
        "scope": "openid profile email",
    });
    let (kiosk, _) = made(admin, "/admin/v1/clients", &body).await;
    admin.get(&kiosk).await.ok();
    admin.patch(&kiosk, &json!({"client_name": "Kiosk at the door", "long_poll": true})).await.ok();
    admin.get("/admin/v1/clients?limit=1").await.ok();
    admin.act(&format!("{kiosk}/rotate-secret")).await.ok();
    kiosk
}

async fn user_code(admin: &Robot<'_>, user: &str) {
    let code = format!("{user}/user-code");
    assert_eq!(admin.put(&code, &json!({"user_code": "4815-1623"})).await.status, 204);
    admin.get(&code).await.ok();
    assert_eq!(admin.delete(&code).await.status, 204);
}

async fn otp_devices(world: &World, admin: &Robot<'_>, user: &str) {
    totp_devices(world, admin, user).await;
    let all = format!("{user}/otp-devices");
    let body = json!({"type": "email", "target": "alice@home.example", "nickname": "home"});
    let (one, _) = made(admin, &all, &body).await;
    admin.get(&one).await.ok();
    admin.patch(&one, &json!({"nickname": "at home"})).await.ok();
    admin.get(&all).await.ok();
    assert_eq!(admin.delete(&one).await.status, 204);
}

async fn totp_devices(world: &World, admin: &Robot<'_>, user: &str) {
    let all = format!("{user}/totp-devices");
    let (one, shown) = made(admin, &all, &json!({"nickname": "work"})).await;
    let app = AuthenticatorApp::typed(shown["secret"].as_str().unwrap());
    let otp = json!({"otp": app.code(world.now(), 0)});
    admin.post(&format!("{one}/activate"), &otp).await.ok();
    admin.get(&one).await.ok();
    admin.get(&all).await.ok();
    assert_eq!(admin.delete(&one).await.status, 204);
}

/// What an administrator does with a phone.
async fn looked_after(admin: &Robot<'_>, device: &str) {
    admin.get(device).await.ok();
    admin.get(&format!("{device}/deliveries")).await.ok();
    admin.act(&format!("{device}/test-push")).await.ok();
    admin.patch(device, &json!({"nickname": "The blue one"})).await.ok();
    for action in ["block", "unblock", "make-primary"] {
        admin.act(&format!("{device}/{action}")).await.ok();
    }
}

/// Everything that can be asked, once.
async fn live(world: &World, receiver: &Receiver) -> Examples {
    let mut streams = Examples::new();
    let mut stream =
        |name: &str, text: String| drop(streams.insert(name.to_owned(), json!({"status": 200, "response": text})));

    let offered = bootstrap::offer(world).await.expect("a token");
    let begin = world.request(Method::POST, "/admin/v1/bootstrap").bearer_auth(&offered.token);
    Answer::of(begin.json(&json!({"client_id": "root", "client_name": "Operations"}))).await;
    let admin = world.robot("robot", "nod:admin").await;
    // A person's tokens are the better example.
    EXAMPLES.with(|seen| seen.borrow_mut().remove("requestToken"));

    for path in [DISCOVERY, "/.well-known/oauth-authorization-server", JWKS] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let kiosk = relying_party(world, &admin).await;

    // A person, and her phone.
    world.clock.advance(seconds(1));
    let body = json!({"username": "alice", "name": "Alice", "email": "alice@example.com", "email_verified": true});
    let (alice, _) = made(&admin, "/admin/v1/users", &body).await;
    admin.get(&alice).await.ok();
    admin.patch(&alice, &json!({"name": "Alice A."})).await.ok();
    admin.get("/admin/v1/users?username=alice").await.ok();
    user_code(&admin, &alice).await;
    assert_eq!(admin.delete(&format!("{alice}/remembered-browsers")).await.status, 204);
    otp_devices(world, &admin, &alice).await;
    let shown = admin.post(&format!("{alice}/pairing-keys"), &json!({})).await;
    let (key, shown) = (location(&shown), shown.json());
    let digits = nod_device::PairingKey::parse(shown["key"].as_str().unwrap()).unwrap();
    admin.get(&key).await.ok();
    admin.get("/admin/v1/pairing-keys").await.ok();
    let mut phone = world.phone();
    assert_eq!(phone.pair(&digits).await.status, 201);
    phone.me().await;
    let devices = admin.get(&format!("{alice}/devices")).await.ok();
    admin.get("/admin/v1/devices").await.ok();
    let device = format!("/admin/v1/devices/{}", devices["items"][0]["id"].as_str().unwrap());
    looked_after(&admin, &device).await;
    let unused = location(&admin.act(&format!("{alice}/pairing-keys")).await);
    assert_eq!(admin.delete(&unused).await.status, 204);

    // Questions.
    let shop = world.client("shop").refresh().await;
    let ask = async || {
        let fields = [("scope", "openid profile"), ("login_hint", "alice"), ("binding_message", "K7Q2")];
        let asked = shop.bc_authorize(&fields).await.ok();
        asked["auth_req_id"].as_str().unwrap().to_owned()
    };
    let (crafted, asked) = (phone.craft(&Call::events()), ask().await);
    let listening = phone.unproved(&crafted).header("Device-Proof", phone.sign(&crafted)).send().await.unwrap();
    stream("listenToNotifications", first(listening).await);
    let question = phone.question().await;
    phone.call(&Call::notification(question.notification_id)).await.ok();
    drop(world.watch().await);
    let open = admin.get("/admin/v1/requests?status=pending").await.ok();
    admin.get(&format!("/admin/v1/requests/{}", open["items"][0]["id"].as_str().unwrap())).await.ok();
    phone.approve(&question).await.ok();
    let tokens = shop.poll_id(&asked).await.tokens();
    world.userinfo(&tokens.access_token).await.ok();
    Answer::of(world.request(Method::POST, crate::world::USERINFO).bearer_auth(&tokens.access_token)).await.ok();
    shop.introspect(&tokens.access_token).await;
    shop.revoke(&tokens.access_token, None).await;
    ask().await;
    phone.deny(&phone.question().await, DenyReason::None).await.ok();
    ask().await;
    drop(world.watch().await);
    let open = admin.get("/admin/v1/requests?status=pending").await.ok();
    admin.act(&format!("/admin/v1/requests/{}/cancel", open["items"][0]["id"].as_str().unwrap())).await.ok();

    tell(&admin, receiver).await;
    how_people_sign_in(&admin).await;
    which_apps_are_trusted(world, &admin).await;

    // What the server keeps.
    let listening = admin.request(Method::GET, "/admin/v1/events").send().await.unwrap();
    stream("streamEvents", first(listening).await);
    drop(world.watch().await);
    admin.get("/admin/v1/audit?type=client.updated&limit=2").await.ok();
    admin.get("/admin/v1/keys").await.ok();
    let keys = admin.act("/admin/v1/keys/rotate?emergency=true").await.ok();
    let admin = world.admin_again(&admin).await;
    let retiring = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["state"] == "retiring" && key["alg"] == "RS256")
        .unwrap();
    admin.act(&format!("/admin/v1/keys/{}/retire", retiring["kid"].as_str().unwrap())).await.ok();
    let admin = world.admin_again(&admin).await;

    // The end.
    let phone = rotated(phone).await;
    assert_eq!(phone.call(&Call::unpair(phone.device())).await.status, 204);
    for action in ["lock", "unlock", "disable"] {
        admin.act(&format!("{alice}/{action}")).await.ok();
    }
    let mut other = world.user("bob").with_phone().await;
    world.clock.advance(seconds(1));
    other.pair(world.phone()).await;
    let devices = admin.get("/admin/v1/devices?limit=1").await.ok();
    let device = format!("/admin/v1/devices/{}", devices["items"][0]["id"].as_str().unwrap());
    for path in [device, alice, kiosk] {
        assert_eq!(admin.delete(&path).await.status, 204);
    }
    sign_in(world, &admin).await;
    register(world, &admin).await;
    streams
}

/// A client registers itself, and looks after that.
async fn register(world: &World, admin: &Robot<'_>) {
    let (token, made) =
        made(admin, "/admin/v1/initial-access-tokens", &json!({"max_uses": 1, "expires_in": 86400})).await;
    admin.get(&token).await.ok();
    admin.get("/admin/v1/initial-access-tokens").await.ok();
    let asked = json!({
        "client_name": "Shop",
        "redirect_uris": ["https://shop.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "client_uri": "https://shop.example/",
    });
    let request = world.request(Method::POST, REGISTER).bearer_auth(made["secret"].as_str().unwrap());
    let told = Answer::of(request.json(&asked)).await.json();
    let at = told["registration_client_uri"].as_str().unwrap().strip_prefix(world.issuer()).unwrap().to_owned();
    let call = |method, told: &Value| {
        world.request(method, &at).bearer_auth(told["registration_access_token"].as_str().unwrap())
    };
    Answer::of(call(Method::GET, &told)).await.ok();
    let mut asked = asked;
    asked["client_id"] = told["client_id"].clone();
    asked["client_name"] = json!("Shop at the corner");
    let told = Answer::of(call(Method::PUT, &told).json(&asked)).await.ok();
    assert_eq!(Answer::of(call(Method::DELETE, &told)).await.status, 204);
    assert_eq!(admin.delete(&token).await.status, 204);
}

/// Without a browser, and nobody is asked for consent.
async fn sign_in(world: &World, admin: &Robot<'_>) {
    let carol = world.user("carol").with_password(PASSWORD).await;
    let app = world.client("app").signs_in().redirectless().implied_consent().await;
    push(&app).await;
    let tv = world.client("tv").public().grants([GrantType::DeviceCode]).await;
    tv.post("/as/device_authz.oauth2", &[("scope", "openid profile")]).await.ok();
    let mut phone = world.browser();
    let flow = phone.flow(&app, &[]).await["id"].as_str().unwrap().to_owned();
    phone.get(&format!("{FLOWS}{flow}")).await.ok();
    let act = phone.request(Method::POST, &format!("{FLOWS}{flow}?action=checkUsernamePassword"));
    let body = json!({"username": "carol", "password": PASSWORD});
    phone.send(act.header("x-xsrf-header", "nod").json(&body)).await.ok();
    let form = asked(&app, &[("response_mode", "pi.flow"), ("prompt", "login")]);
    let begin = phone.request(Method::POST, AUTHORIZE).header("content-type", "application/x-www-form-urlencoded");
    phone.send(begin.body(form)).await.ok();
    sign_out(world, &app).await;
    phone.enrol(Passkey::new(world.issuer())).await;
    let passkeys = format!("/admin/v1/users/{}/passkeys", usr(&carol));
    let listed = admin.get(&passkeys).await.ok();
    let one = format!("{passkeys}/{}", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(admin.delete(&one).await.status, 204);
    let password = format!("/admin/v1/users/{}/password", usr(&carol));
    admin.patch(&password, &json!({"must_change": true})).await.ok();
    admin.get(&password).await.ok();
}

/// With a form of the relying party, and by somebody who is not signed in any more.
async fn sign_out(world: &World, app: &Client) {
    let mut browser = world.browser();
    let code = browser.log_in(app, "carol", PASSWORD).await.get("code").to_owned();
    let tokens = app.redeem(&code).await.tokens();
    let form = enc(&[("id_token_hint", &tokens.id_token), ("client_id", "app"), ("ui_locales", "en")]);
    let post = browser.request(Method::POST, LOGOUT).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(browser.send(post.body(form)).await.status, 200);
    assert_eq!(browser.get(LOGOUT).await.status, 200);
}

/// A policy, and who shows it.
async fn how_people_sign_in(admin: &Robot<'_>) {
    let body = json!({"id": "login", "name": "Our own pages", "url": "https://login.shop.example/"});
    let (login, _) = made(admin, "/admin/v1/authentication-applications", &body).await;
    admin.get(&login).await.ok();
    admin.patch(&login, &json!({"additional_allowed_origins": ["https://preview.shop.example"]})).await.ok();
    admin.get("/admin/v1/authentication-applications").await.ok();
    let steps = json!([{"id": "name", "source": "identifier"}, {"id": "password", "source": "password"}]);
    let body = json!({"id": "name-first", "application": "login", "steps": steps});
    let (policy, _) = made(admin, "/admin/v1/policies", &body).await;
    admin.get(&policy).await.ok();
    admin.patch(&policy, &json!({"name": "Name first"})).await.ok();
    admin.get("/admin/v1/policies").await.ok();
    admin.patch("/admin/v1/sign-on-settings", &json!({"default_policy": "name-first"})).await.ok();
    admin.get("/admin/v1/sign-on-settings").await.ok();
    admin.patch("/admin/v1/sign-on-settings", &json!({"default_policy": null})).await.ok();
    for path in [policy, login] {
        assert_eq!(admin.delete(&path).await.status, 204);
    }
}

/// An app that people trust on their phones, and where that is enough.
async fn which_apps_are_trusted(world: &World, admin: &Robot<'_>) {
    let body = json!({"client_id": "bank-app", "token_endpoint_auth_method": "none",
        "redirect_uris": ["com.example.bank:/callback"]});
    let client = location(&admin.post("/admin/v1/clients", &body).await);
    let body = json!({"id": "bank", "name": "Example Bank", "client": "bank-app", "package_name": "com.example.bank"});
    let (bank, _) = made(admin, "/admin/v1/native-applications", &body).await;
    admin.get(&bank).await.ok();
    admin.patch(&bank, &json!({"bundle_id": "com.example.bank"})).await.ok();
    admin.get("/admin/v1/native-applications").await.ok();
    let applications = json!([{"application": "bank", "auto_enrollment": true, "device_authorization": true}]);
    let (trusted, _) =
        made(admin, "/admin/v1/mfa-policies", &json!({"id": "trusted", "applications": applications})).await;
    admin.get(&trusted).await.ok();
    admin.patch(&trusted, &json!({"name": "Trusted phones"})).await.ok();
    admin.get("/admin/v1/mfa-policies").await.ok();
    admin.get(&format!("{bank}/mfa-readiness")).await.ok();
    how_phones_are_told(world, admin, &bank).await;
    for path in [trusted, bank, client] {
        assert_eq!(admin.delete(&path).await.status, 204);
    }
}

/// Accounts of the app at push services, and a phone that says where it is reached.
async fn how_phones_are_told(world: &World, admin: &Robot<'_>, bank: &str) {
    let (all, web) = (format!("{bank}/push-credentials"), format!("{bank}/push-credentials/web_push"));
    admin.put(&web, &json!({"subject": "mailto:ops@example.com"})).await.ok();
    admin.get(&all).await.ok();
    assert_eq!(admin.delete(&web).await.status, 204);
    let erin = world.user("erin").await;
    let mut phone = world.phone();
    assert_eq!(phone.pair_as(&erin.pairing_key().await, "com.example.bank").await.status, 201);
    assert_eq!(phone.reached_at("FCM", "production", "cUx9-the-token:of-erins-app").await.status, 204);
    assert_eq!(phone.call(&Call::allow_push_notifications(false)).await.status, 204);
    phone.call(&Call::test_push()).await.ok();
    let log = LogsRequest { log: "12:00 no push token".to_owned() };
    let sent = phone.call(&Call::send_logs(&log)).await.ok();
    admin.get(&format!("/admin/v1/device-logs/{}", sent["supportId"].as_str().unwrap())).await.ok();
    assert_eq!(phone.call(&Call::remove_push_token()).await.status, 204);
}

/// What a browser will be sent with.
async fn push(app: &Client) {
    let fields = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile"),
        ("state", "af0ifjsldkj"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(app.post(PAR, &fields).await.status, 201);
}

/// Somebody is told what happens.
async fn tell(admin: &Robot<'_>, receiver: &Receiver) {
    let body = json!({"url": receiver.url(), "event_types": ["user.locked", "user.unlocked"]});
    let (webhook, _) = made(admin, "/admin/v1/webhooks", &body).await;
    admin.get(&webhook).await.ok();
    admin.patch(&webhook, &json!({"event_types": ["user.locked"]})).await.ok();
    admin.get("/admin/v1/webhooks").await.ok();
    admin.act(&format!("{webhook}/rotate-secret")).await.ok();
    let delivery = admin.act(&format!("{webhook}/ping")).await.ok();
    delivered(admin, &webhook, 1).await;
    let again = format!("{webhook}/deliveries/{}/redeliver", delivery["id"].as_str().unwrap());
    admin.act(&again).await.ok();
    receiver.gets(2).await;
    delivered(admin, &webhook, 1).await;
    assert_eq!(admin.delete(&webhook).await.status, 204);
}

async fn delivered(admin: &Robot<'_>, webhook: &str, count: usize) {
    let path = format!("{webhook}/deliveries?state=delivered");
    until("a delivery", async || {
        let page = admin.get(&path).await.ok();
        (page["items"].as_array().unwrap().len() >= count).then_some(())
    })
    .await;
}

async fn rotated(phone: Phone) -> Phone {
    let new = SoftwareKey::generate().unwrap();
    phone.call(&phone.rotation(&new)).await.ok();
    phone.with_key(new)
}

#[tokio::test]
async fn the_examples_are_what_happens() {
    let (world, receiver) = (
        webhooks::at_home().settings(|settings| settings.registration = Admission::Invited).start().await,
        Receiver::start(),
    );
    let story = async {
        let streams = live(&world, &receiver).await;
        let trusting = device_trust::examples().await;
        let mut seen = EXAMPLES.with(RefCell::take);
        seen.extend(streams);
        (seen, trusting)
    };
    let (seen, trusting) = EXAMPLES.scope(RefCell::default(), story).await;
    // As it would be somewhere else.
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let text = serde_json::to_string(&seen).unwrap();
    let text = text.replace(&receiver.url(), "https://shop.example/hook");
    let text = text.replace(world.issuer(), "https://id.example").replace(&trusting, "https://id.example");
    let text = text.replace(&format!("http%3A%2F%2Flocalhost%3A{}", port(world.issuer())), "https%3A%2F%2Fid.example");
    let seen: Examples = serde_json::from_str(&text).unwrap();

    let all = operations();
    let names: BTreeSet<String> = seen.keys().cloned().collect();
    assert_eq!(names, all, "one of each");

    let committed: Examples = serde_json::from_slice(&std::fs::read(file("examples.json")).unwrap()).unwrap();
    let stale = |name: &String, example: &Value| committed.get(name).map(masked) != Some(masked(example));
    if std::env::var_os("NOD_WRITE_EXAMPLES").is_some() {
        let fresh = seen.into_iter().map(|(name, example)| {
            let example = if stale(&name, &example) { example } else { committed[&name].clone() };
            (name, example)
        });
        let mut text = serde_json::to_string_pretty(&fresh.collect::<Examples>()).unwrap();
        text.push('\n');
        std::fs::write(file("examples.json"), text).unwrap();
        return;
    }
    for (name, example) in &seen {
        let (was, is) = (committed.get(name).map(masked).unwrap_or_default(), masked(example));
        assert_eq!(was, is, "{name}: NOD_WRITE_EXAMPLES=1 cargo test --test suite openapi_examples, then just openapi");
    }
}
