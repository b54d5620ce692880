//! What somebody confirms with that it is them: seen, named, removed and added by themselves [flows.md A.1.3, D.5, F19].

use nod::protocol::public_id::{self, Kind};
use nod_device::PairingKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::{confirm, signed_in};
use crate::admin::robot::{Robot, usr};
use crate::device_trust::{self, Scene};
use crate::sign_in::PASSWORD;
use crate::world::authenticator::Passkey;
use crate::world::authenticator_app::AuthenticatorApp;
use crate::world::{Browser, Page, Person, Phone, World, seconds};

const DEVICES: &str = "/account/devices";
const CONFIRM: &str = "/account/confirm?for=devices";
const NONE: &str = "You have no devices yet.";
const GONE: &str = "This device is not there any more.";

fn dev(phone: &Phone) -> String {
    public_id::encode(Kind::Device, phone.device().uuid())
}

/// What an administrator made for somebody.
async fn made(world: &World, admin: &Robot<'_>, person: &Person, what: &str, body: Value) -> String {
    let made = admin.post(&format!("/admin/v1/users/{}/{what}", usr(person)), &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let shown = made.json();
    if let Some(secret) = shown["secret"].as_str() {
        world.guard(secret);
    }
    shown["id"].as_str().unwrap().to_owned()
}

/// An authenticator app of somebody that counts, and shows another code by now.
async fn active_app(world: &World, admin: &Robot<'_>, person: &Person) -> AuthenticatorApp {
    let all = format!("/admin/v1/users/{}/totp-devices", usr(person));
    let made = admin.post(&all, &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    world.guard(secret);
    let app = AuthenticatorApp::typed(secret);
    let otp = json!({ "otp": app.code(world.now(), 0) });
    admin.post(&format!("{all}/{}/activate", made["id"].as_str().unwrap()), &otp).await.ok();
    world.clock.advance(seconds(30));
    app
}

fn home() -> Value {
    json!({ "type": "email", "target": "alice@home.example", "nickname": "home" })
}

/// The code that a page shows for a phone, and the fields of its form.
fn shown(world: &World, page: &Page) -> (PairingKey, [(&'static str, String); 2]) {
    let (key, code) = (page.field("key").expect("a key"), page.field("code").expect("a code"));
    world.guard(&code);
    let read = format!("{} {} {}", &code[..4], &code[4..8], &code[8..]);
    page.has(&read).has(&format!("key={code}"));
    (PairingKey::parse(&code).unwrap(), [("key", key), ("code", code)])
}

async fn looks(browser: &mut Browser, page: &Page, fields: &[(&'static str, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.press(page, "came", &fields).await.unwrap()
}

#[tokio::test]
async fn d5_somebody_names_their_phones_and_says_which_is_asked_first() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, mut alice, mut browser) = signed_in(&world).await;
    browser.open(DEVICES).await.unwrap().has(NONE).has("alice");
    for _ in 0..2 {
        alice.pair(world.phone()).await;
    }
    let second = dev(&alice.phones[1]);
    let at = format!("/admin/v1/devices/{second}");
    let page = browser.open(DEVICES).await.unwrap();
    page.has("value=\"A phone\"").has("TEST").has("asked first").has("gets no notifications").has(&second);
    for bad in ["", "  ", "a\u{7}", &"x".repeat(65)] {
        let fields = [("device", second.as_str()), ("name", bad)];
        browser.press(&page, "rename", &fields).await.unwrap().has("A name has 1 to 64 characters.");
    }
    let watch = world.watch().await;
    let fields = [("device", second.as_str()), ("name", " The <blue> one ")];
    browser.press(&page, "rename", &fields).await.unwrap().has("value=\"The &#60;blue&#62; one\"");
    let events = watch.events().await;
    assert!(events.iter().any(|event| event.action == "device.updated"), "{events:?}");
    let device = admin.get(&at).await.ok();
    assert_eq!((&device["nickname"], &device["role"]), (&json!("The <blue> one"), &json!("trusted")));

    let page = browser.press(&page, "primary", &fields[..1]).await.unwrap();
    assert_eq!(page.path, DEVICES);
    let device = admin.get(&at).await.ok();
    assert_eq!((&device["nickname"], &device["role"]), (&json!("The <blue> one"), &json!("primary")));
    alice.phones[0].block().await;
    let page = browser.open(DEVICES).await.unwrap();
    let blocked = dev(&alice.phones[0]);
    page.has("blocked by an administrator");
    browser.press(&page, "primary", &[("device", blocked.as_str())]).await.unwrap().has(GONE);
    assert_eq!(admin.get(&at).await.ok()["role"], "primary", "as before");
}

#[tokio::test]
async fn d5_somebody_removes_what_they_no_longer_have() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, mut alice, mut browser) = signed_in(&world).await;
    for _ in 0..2 {
        alice.pair(world.phone()).await;
    }
    let address = made(&world, &admin, &alice, "otp-devices", home()).await;
    let app = made(&world, &admin, &alice, "totp-devices", json!({ "nickname": "work" })).await;
    let page = browser.open(DEVICES).await.unwrap();
    page.has("a•••@home.example").has("home").has("Authenticator app").has("work");
    assert!(!page.answer.text().contains("alice@home.example"), "{}", page.answer.text());
    let [first, second] = [0, 1].map(|phone| dev(&alice.phones[phone]));
    for (id, action) in [
        (&first, "device.unpaired"),
        (&address, "otp_device.removed"),
        (&app, "totp_device.removed"),
        (&second, "device.unpaired"),
    ] {
        let watch = world.watch().await;
        let fields = [("device", id.as_str())];
        let left = browser.press(&page, "remove", &fields).await.unwrap();
        assert_eq!(left.path, DEVICES);
        assert!(!left.answer.text().contains(id), "{}", left.answer.text());
        let events = watch.events().await;
        let told = events.iter().filter(|event| event.action == action && event.result == "done");
        assert_eq!(told.count(), 1, "{events:?}");
        if *id == first {
            left.has("asked first");
        }
        browser.press(&page, "remove", &fields).await.unwrap().has(GONE);
    }
    browser.open(DEVICES).await.unwrap().has(NONE);
    for table in ["device", "installation", "otp_device", "totp_device"] {
        assert!(world.rows(table).await.is_empty(), "{table}");
    }
}

/// [flows.md F5] at once, and not when the time is over.
#[tokio::test]
async fn f5_what_waits_for_a_phone_that_was_removed_waits_no_longer() {
    let mfa = json!({ "id": "mfa", "number_matching": "off", "no_devices_mode": "block" });
    let mut scene = Scene::in_world(World::start().await, mfa).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    let mut own = scene.world.browser();
    let page = own.authorize(&scene.shop, &[]).await.unwrap();
    let page = own.sign_in(&page, "alice", device_trust::PASSWORD).await.unwrap();
    page.has("Approve on your phone");
    scene.alice.phone().approve_the_question().await;
    let page = own.open(&format!("/sign-in/{}", page.flow())).await.unwrap();
    own.press(&page, "poll", &[]).await.unwrap_err().get("code");

    scene.world.clock.advance(seconds(5));
    let mut other = scene.world.browser();
    let id = scene.at_second_factor(&mut other).await;
    let state = other.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    let device = dev(scene.alice.phone());
    let page = own.open(DEVICES).await.unwrap();
    let watch = scene.world.watch().await;
    own.press(&page, "remove", &[("device", device.as_str())]).await.unwrap().has(NONE);
    let mut withdrawn = watch.events().await;
    withdrawn.retain(|event| event.action == "request.cancelled");
    assert_eq!(withdrawn.len(), 1, "{withdrawn:?}");
    assert_eq!(withdrawn[0].reason.as_deref(), Some("device_unpaired"));
    let state = other.act(&id, "poll", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")), "{state}");
}

/// As of passkeys: within five minutes, and by one of those if there is one.
#[tokio::test]
async fn security_nobody_changes_devices_without_showing_that_it_is_still_them() {
    let world = World::start().await;
    let (_shop, mut alice, mut browser) = signed_in(&world).await;
    for _ in 0..2 {
        alice.pair(world.phone()).await;
    }
    let second = dev(&alice.phones[1]);
    let page = browser.open(DEVICES).await.unwrap();
    let before = (world.rows("device").await, world.rows("pairing_key").await);
    world.clock.advance(seconds(5 * 60));
    let fields = [("device", second.as_str()), ("name", "Mine")];
    for button in ["rename", "primary", "remove", "add"] {
        let asked = browser.press(&page, button, &fields).await.unwrap();
        assert_eq!(asked.path, CONFIRM, "{button}");
    }
    assert_eq!((world.rows("device").await, world.rows("pairing_key").await), before);
    let asked = browser.open(CONFIRM).await.unwrap();
    assert_eq!(browser.press(&asked, "cancel", &[]).await.unwrap().path, DEVICES);
    let back = browser.press(&asked, "confirm", &[("password", PASSWORD)]).await.unwrap();
    assert_eq!(back.path, DEVICES);
    browser.press(&back, "rename", &fields).await.unwrap().has("value=\"Mine\"");

    let mut passkey = browser.enrol(Passkey::new(world.issuer())).await;
    let before = world.rows("device").await;
    let page = browser.open(DEVICES).await.unwrap();
    let asked = browser.press(&page, "remove", &fields).await.unwrap();
    assert_eq!(asked.path, CONFIRM);
    browser.press(&asked, "confirm", &[("password", PASSWORD)]).await.unwrap().has("data-get");
    assert_eq!(world.rows("device").await, before);
    confirm(&mut browser, &mut passkey).await;
    let page = browser.open(DEVICES).await.unwrap();
    browser.press(&page, "remove", &fields).await.unwrap();
    assert_eq!(world.rows("device").await.len(), 1);
}

#[tokio::test]
async fn security_whoever_has_an_authenticator_app_shows_a_code_of_it() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, mut alice, mut browser) = signed_in(&world).await;
    alice.pair(world.phone()).await;
    let page = browser.open(DEVICES).await.unwrap();
    let phone = dev(alice.phone());
    let fields = [("device", phone.as_str()), ("name", "Mine")];
    // One that nobody has shown yet is none.
    made(&world, &admin, &alice, "totp-devices", json!({})).await;
    browser.press(&page, "rename", &fields).await.unwrap().has("value=\"Mine\"");
    let app = active_app(&world, &admin, &alice).await;
    for button in ["rename", "primary", "remove", "add"] {
        let asked = browser.press(&page, button, &fields).await.unwrap();
        assert_eq!(asked.path, CONFIRM, "{button}: a password alone, of a moment ago");
    }
    let asked = browser.open(CONFIRM).await.unwrap();
    asked.has("name=\"code\"");
    let before = browser.cookies.clone();
    browser.press(&asked, "confirm", &[("password", PASSWORD)]).await.unwrap().has("Enter the code.");
    let right = app.code(world.now(), 0);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let given = [("password", PASSWORD), ("code", wrong)];
    browser.press(&asked, "confirm", &given).await.unwrap().has("This code is not right.");
    assert_eq!(browser.cookies, before);
    let page = browser.open(DEVICES).await.unwrap();
    assert_eq!(browser.press(&page, "remove", &fields).await.unwrap().path, CONFIRM);
    world.clock.advance(seconds(5));
    let right = app.code(world.now(), 0);
    let given = [("password", PASSWORD), ("code", right.as_str())];
    let back = browser.press(&asked, "confirm", &given).await.unwrap();
    assert_eq!(back.path, DEVICES);
    browser.press(&back, "remove", &fields).await.unwrap();
    assert!(world.rows("device").await.is_empty());
    // A code works once, and what was shown counts for five minutes.
    world.clock.advance(seconds(5));
    let asked = browser.open(CONFIRM).await.unwrap();
    browser.press(&asked, "confirm", &given).await.unwrap().has("This code is not right.");
    world.clock.advance(seconds(5 * 60));
    let page = browser.open(DEVICES).await.unwrap();
    assert_eq!(browser.press(&page, "add", &[]).await.unwrap().path, CONFIRM);
}

/// [security.md case 121] as in a sign-in, and together with those.
#[tokio::test]
async fn security_three_wrong_codes_and_none_is_looked_at_on_the_page_either() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, alice, mut browser) = signed_in(&world).await;
    let app = active_app(&world, &admin, &alice).await;
    let asked = browser.open(CONFIRM).await.unwrap();
    for _ in 0..3 {
        world.clock.advance(seconds(5));
        let right = app.code(world.now(), 0);
        let wrong = if right == "000000" { "000001" } else { "000000" };
        browser.press(&asked, "confirm", &[("password", PASSWORD), ("code", wrong)]).await.unwrap();
    }
    world.clock.advance(seconds(5));
    let right = app.code(world.now(), 0);
    let given = [("password", PASSWORD), ("code", right.as_str())];
    browser.press(&asked, "confirm", &given).await.unwrap().has("Too many codes were wrong.");
    let page = browser.open(DEVICES).await.unwrap();
    assert_eq!(browser.press(&page, "add", &[]).await.unwrap().path, CONFIRM);
}

#[tokio::test]
async fn security_nobody_else_changes_them() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, mut alice, mut browser) = signed_in(&world).await;
    alice.pair(world.phone()).await;
    let address = made(&world, &admin, &alice, "otp-devices", home()).await;
    let app = made(&world, &admin, &alice, "totp-devices", json!({})).await;
    world.user("bob").with_password(PASSWORD).await;
    let mut bobs = world.browser();
    bobs.log_in(&shop, "bob", PASSWORD).await;
    let phone = dev(alice.phone());
    let of_alice = browser.open(DEVICES).await.unwrap();
    let offered = browser.press(&of_alice, "add", &[]).await.unwrap();
    let (_, fields) = shown(&world, &offered);

    let tables = async || {
        let mut rows = Vec::new();
        for table in ["device", "otp_device", "totp_device", "pairing_key"] {
            rows.push(world.rows(table).await);
        }
        rows
    };
    let before = tables().await;
    let page = bobs.open(DEVICES).await.unwrap();
    page.has(NONE);
    for button in ["rename", "primary", "remove", "nonsense"] {
        for id in [phone.as_str(), &address, &app, "dev_nonsense", ""] {
            let fields = [("device", id), ("name", "Mine now")];
            bobs.press(&page, button, &fields).await.unwrap().has(GONE);
        }
    }
    looks(&mut bobs, &page, &fields).await.has("This code is not good any more.");
    for (mark, site) in [("", "same-origin"), ("csrf=AAAA&", "same-origin"), ("", "cross-site")] {
        let request = browser.request(Method::POST, DEVICES).header("sec-fetch-site", site);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = browser.send(request.body(format!("{mark}action=remove&device={phone}"))).await;
        assert_eq!(answer.status, 403, "{mark} {site}");
    }
    assert_eq!(tables().await, before);
    let mut nobody = world.browser();
    let answer = nobody.get(DEVICES).await;
    assert!(answer.status == 403 && answer.text().contains("You are not signed in."), "{}", answer.text());
    assert_eq!(browser.send(browser.request(Method::PUT, DEVICES)).await.status, 405);
}

/// [flows.md F19; security.md 5.2]
#[tokio::test]
async fn f19_somebody_adds_a_phone_with_a_key_of_their_own() {
    let world = World::start().await;
    let (_shop, alice, mut browser) = signed_in(&world).await;
    let page = browser.open(DEVICES).await.unwrap();
    let watch = world.watch().await;
    let offered = browser.press(&page, "add", &[]).await.unwrap();
    let events = watch.events().await;
    assert!(events.iter().any(|event| event.action == "pairing_key.created"), "{events:?}");
    let (key, fields) = shown(&world, &offered);
    let again = looks(&mut browser, &offered, &fields).await;
    again.has("No phone has come with this code yet.");
    assert_eq!(shown(&world, &again).1, fields, "it is shown still");
    // What is no key is not shown as one.
    let wrong = [fields[0].clone(), ("code", "<b>".to_owned())];
    looks(&mut browser, &offered, &wrong).await.has("This code is not good any more.");

    let mut phone = world.phone();
    assert_eq!(phone.pair(&key).await.status, 201);
    let page = looks(&mut browser, &again, &fields).await;
    assert_eq!(page.path, DEVICES);
    page.has("value=\"A phone\"").has(&dev(&phone));
    assert_eq!(phone.device_of(alice.id), phone.device());
    assert_eq!(world.phone().pair(&key).await.status / 100, 4, "once");

    let offered = browser.press(&page, "add", &[]).await.unwrap();
    let (_, late) = shown(&world, &offered);
    for _ in 1..20 {
        browser.press(&page, "add", &[]).await.unwrap().has("Show it to nobody.");
    }
    browser.press(&page, "add", &[]).await.unwrap().has("You have as many unused codes as one may have.");
    world.clock.advance(seconds(600));
    looks(&mut browser, &offered, &late).await.has("This code is not good any more.");
}
