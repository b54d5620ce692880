//! Passkeys [Web Authentication, Level 2] as first and as second factor, on our pages and over the flow API.

use serde_json::{Value, json};

use super::{PASSWORD, POLICIES, application, links, policy, refused, settings, shop_and_alice};
use crate::world::authenticator::{BACKED_UP, BACKUP_ELIGIBLE, PRESENT, Passkey, VERIFIED};
use crate::world::{Answer, Backing, Browser, Callback, Client, FLOWS, Page, World, decoded, seconds};

mod first;
mod two_factors;

pub(crate) const ACCOUNT: &str = "/account/passkeys";
const FIRST: &str = "passkey-first";
const SECOND: &str = "passkey-second";

/// What the form of a page gives to the script.
#[track_caller]
pub(crate) fn options(page: &Page, ceremony: &str) -> Value {
    let text = page.answer.text();
    let (_, rest) = text.split_once(&format!("data-{ceremony}=\"")).unwrap_or_else(|| panic!("no options: {text}"));
    let json = rest.split_once('"').unwrap().0.replace("&#34;", "\"").replace("&#38;", "&");
    serde_json::from_str(&json).unwrap()
}

impl Browser {
    /// Makes a passkey on the pages of the account of whoever is signed in here.
    pub(crate) async fn enrol(&mut self, mut passkey: Passkey) -> Passkey {
        let page = self.open(ACCOUNT).await.unwrap();
        let page = self.press(&page, "add", &[]).await.unwrap();
        let made = passkey.create(&options(&page, "create"));
        self.made(&page, &made).await.has("My phone");
        passkey
    }

    /// Sends what the script sends.
    pub(crate) async fn made(&mut self, page: &Page, made: &Value) -> Page {
        let ceremony = page.field("ceremony").unwrap();
        let fields = [("ceremony", ceremony.as_str()), ("attestation", &made.to_string()), ("name", "My phone")];
        self.press(page, "passkey", &fields).await.unwrap()
    }

    /// Answers on the page that asks for a passkey.
    pub(crate) async fn answer(&mut self, page: &Page, passkey: &mut Passkey) -> Result<Page, Callback> {
        let made = passkey.get(&options(page, "get"));
        self.press(page, "passkey", &[("assertion", &made.to_string())]).await
    }

    async fn assertion(&mut self, flow: &str, made: &Value) -> Answer {
        self.act(flow, "checkAssertion", &json!({ "assertion": made.to_string() })).await
    }
}

/// Somebody of whom a passkey is known, made in a browser of their own.
pub(crate) async fn with_passkey(world: &World, shop: &Client, username: &str, passkey: Passkey) -> Passkey {
    let mut browser = world.browser();
    browser.log_in(shop, username, PASSWORD).await;
    let passkey = browser.enrol(passkey).await;
    // Whoever has just given a password waits a moment before the next try counts.
    world.clock.advance(seconds(5));
    passkey
}

async fn passkey_of_alice(world: &World) -> (Client, crate::world::Person, Passkey) {
    let (shop, alice) = shop_and_alice(world).await;
    let passkey = with_passkey(world, &shop, "alice", Passkey::new(world.issuer())).await;
    (shop, alice, passkey)
}

fn only_passkey(id: &str) -> Value {
    json!({ "id": id, "steps": [{ "id": "passkey", "source": "passkey" }] })
}

pub(super) fn password_and_passkey(id: &str, enrol: bool) -> Value {
    let mut steps = json!([{ "id": "password", "source": "password" }, { "id": "passkey", "source": "passkey" }]);
    if enrol {
        steps[1]["enrol"] = json!(true);
    }
    json!({ "id": id, "steps": steps })
}

/// A client without a browser whose people sign in so.
async fn app(world: &World, policy: &str) -> Client {
    world.client(&format!("app-{policy}")).signs_in().redirectless().implied_consent().policy(policy).await
}

fn id(state: &Value) -> String {
    state["id"].as_str().unwrap().to_owned()
}

const OPTIONS: &str = "publicKeyCredentialRequestOptions";

#[tokio::test]
async fn a_passkey_signs_in_without_a_name() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).start().await;
        let (shop, alice, mut passkey) = passkey_of_alice(&world).await;
        let mut browser = world.browser();
        let page = browser.authorize(&shop, &[("prompt", "consent")]).await.unwrap();
        let page = browser.press(&page, "passkey", &[]).await.unwrap();
        page.has("Use your passkey");
        let asked = options(&page, "get");
        assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("localhost"), &json!("required")));
        assert_eq!(asked["allowCredentials"], json!([]), "whose there are is told to nobody");
        let page = browser.answer(&page, &mut passkey).await.unwrap();
        let callback = browser.press(&page, "allow", &[("scope:profile", "on")]).await.unwrap_err();
        let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
        assert_eq!(claims["sub"], alice.id.to_string());
        assert_eq!(claims["acr"], "urn:nod:acr:passkey");
        assert_eq!(claims["amr"], json!(["pop", "swk", "user", "mfa"]));
        assert_eq!(claims["auth_time"], world.now().seconds());
        // Signed in: the next client has its answer at once, a password of hers counts for less.
        let callback = browser.authorize(&shop, &[("scope", "openid profile")]).await.unwrap_err();
        let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
        assert_eq!(claims["acr"], "urn:nod:acr:passkey");
    }
}

#[tokio::test]
async fn somebody_turns_back_to_the_password_or_gives_up() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    // Without a script the form comes back with nothing in it.
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    page.has("Passkeys need JavaScript.");
    let page = browser.press(&page, "password", &[]).await.unwrap();
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
    let page = browser.authorize(&shop, &[("prompt", "login")]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");
}

/// [WebAuthn §7.2] one thing is wrong at a time, and everything reads the same outside.
#[tokio::test]
async fn webauthn_7_2_what_was_not_made_for_us_now_by_the_key_that_we_know_is_refused() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice, mut good) = passkey_of_alice(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    with_passkey(&world, &shop, "bob", Passkey::new(world.issuer())).await;
    policy(&admin, &only_passkey(FIRST)).await;
    let app = app(&world, FIRST).await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    assert_eq!(state["status"], "ASSERTION_REQUIRED");
    let flow = id(&state);
    let old = good.get(&state[OPTIONS]);
    let issuer = world.issuer().to_owned();
    let (handle, credential) = (good.handle.clone(), good.id.clone());
    let lies: [(&str, &dyn Fn(&mut Passkey)); 13] = [
        ("another challenge", &|lie| lie.challenge = Some("A".repeat(43))),
        ("another origin", &|lie| lie.origin = "https://localhost.evil.test".into()),
        ("another port", &|lie| lie.origin = "http://localhost:1".into()),
        ("another relying party", &|lie| lie.rp_id = "evil.test".into()),
        ("the person was not verified", &|lie| lie.flags = PRESENT),
        ("nobody was present", &|lie| lie.flags = VERIFIED),
        ("in a frame", &|lie| lie.cross_origin = true),
        ("of another ceremony", &|lie| lie.ceremony = Some("webauthn.create")),
        ("copied, and cannot be", &|lie| lie.flags = PRESENT | VERIFIED | BACKED_UP),
        ("can be copied, and could not be", &|lie| lie.flags = PRESENT | VERIFIED | BACKUP_ELIGIBLE),
        ("another person's handle", &|lie| lie.handle = Some(vec![7; 16])),
        ("nobody says whose it is", &|lie| lie.handle = None),
        ("nobody's credential", &|lie| lie.id = vec![7; 32]),
    ];
    let mut read = Vec::new();
    for (what, lie) in lies {
        lie(&mut good);
        let before = phone.get(&format!("{FLOWS}{flow}")).await.ok();
        let watch = world.watch().await;
        let answer = phone.assertion(&flow, &good.get(&before[OPTIONS])).await;
        assert_eq!(answer.status, 400, "{what}");
        refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
        let events = watch.events().await;
        assert!(events.iter().any(|event| event.action == "passkey.checked" && event.result == "refused"), "{what}");
        read.push(answer.json());
        let now = phone.get(&format!("{FLOWS}{flow}")).await.ok();
        assert_eq!(now["status"], "ASSERTION_REQUIRED", "{what}");
        assert_ne!(now[OPTIONS]["challenge"], before[OPTIONS]["challenge"], "{what}: a challenge is for one try");
        (good.origin, good.rp_id, good.flags) = (issuer.clone(), "localhost".into(), PRESENT | VERIFIED);
        (good.cross_origin, good.ceremony, good.challenge) = (false, None, None);
        (good.handle, good.id) = (handle.clone(), credential.clone());
    }
    // The signature of another key.
    let state = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    let mut forged = Passkey::new(&issuer);
    (forged.id, forged.handle) = (good.id.clone(), good.handle.clone());
    read.push(phone.assertion(&flow, &forged.get(&state[OPTIONS])).await.json());
    // What was signed for a challenge of before, and what is none at all.
    read.push(phone.assertion(&flow, &old).await.json());
    for none in [json!({}), json!("text"), json!({ "id": "AA", "type": "public-key", "response": {} })] {
        read.push(phone.assertion(&flow, &none).await.json());
    }
    assert!(read.windows(2).all(|pair| pair[0] == pair[1]), "{read:#?}");
    let state = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    let state = phone.assertion(&flow, &good.get(&state[OPTIONS])).await.ok();
    assert_eq!(state["status"], "COMPLETED");
}

#[tokio::test]
async fn a_challenge_is_its_flows_and_short_lived() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    policy(&admin, &only_passkey(FIRST)).await;
    let app = app(&world, FIRST).await;
    let (mut one, mut other) = (world.browser(), world.browser());
    let (first, second) = (one.flow(&app, &[]).await, other.flow(&app, &[]).await);
    assert_ne!(first[OPTIONS]["challenge"], second[OPTIONS]["challenge"]);
    let made = passkey.get(&first[OPTIONS]);
    let answer = other.assertion(&id(&second), &made).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    world.clock.advance(seconds(5 * 60));
    let answer = one.assertion(&id(&first), &made).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    let state = one.get(&format!("{FLOWS}{}", id(&first))).await.ok();
    let made = passkey.get(&state[OPTIONS]);
    world.clock.advance(seconds(5 * 60 - 1));
    assert_eq!(one.assertion(&id(&first), &made).await.ok()["status"], "COMPLETED");
    refused(&one.assertion(&id(&first), &made).await, 400, "INVALID_ACTION_ID", None);
}

/// Nobody answers in vain who comes back to the page; and coming back to it changes nothing.
#[tokio::test]
async fn a_challenge_that_is_over_is_not_shown_again() {
    let world = World::start().await;
    let (shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    let challenge = |page: &Page| options(page, "get")["challenge"].clone();
    world.clock.advance(seconds(5 * 60 - 1));
    let again = browser.open(&page.path).await.unwrap();
    assert_eq!(challenge(&again), challenge(&page), "it is good still");
    world.clock.advance(seconds(1));
    let watch = world.watch().await;
    let late = browser.open(&page.path).await.unwrap();
    assert!(!late.has("Use your passkey").answer.text().contains("data-get"), "{}", late.answer.text());
    watch.nothing("a page that is looked at").await;
    // The button asks for another one.
    let anew = browser.press(&late, "passkey", &[]).await.unwrap();
    assert!(challenge(&anew) != challenge(&page) && !anew.answer.text().contains("role=\"alert\""));
    // Who has answered the one before meanwhile has done it in vain, and is asked anew as well.
    let made = passkey.get(&options(&page, "get")).to_string();
    let told = browser.press(&page, "passkey", &[("assertion", &made)]).await.unwrap();
    told.has("That did not work");
    assert_ne!(challenge(&told), challenge(&anew));
    browser.answer(&told, &mut passkey).await.unwrap_err().get("code");
}

/// [WebAuthn §7.2 step 21] whoever copied a key that counts is found out, and so is the copy.
#[tokio::test]
async fn webauthn_7_2_a_counter_that_goes_back_is_refused_and_told() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut passkey = with_passkey(&world, &shop, "alice", Passkey::counting(world.issuer())).await;
    policy(&admin, &only_passkey(FIRST)).await;
    let app = app(&world, FIRST).await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    assert_eq!(phone.assertion(&id(&state), &passkey.get(&state[OPTIONS])).await.ok()["status"], "COMPLETED");
    assert_eq!(passkey.count, 2);
    // The same number again, a smaller one, and one that does not count any more.
    for (count, counts) in [(1, true), (0, true), (0, false)] {
        (passkey.count, passkey.counts) = (count, counts);
        let mut phone = world.browser();
        let state = phone.flow(&app, &[]).await;
        let watch = world.watch().await;
        let answer = phone.assertion(&id(&state), &passkey.get(&state[OPTIONS])).await;
        refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
        let events = watch.events().await;
        let told = events.iter().find(|event| event.action == "passkey.checked").expect("an event");
        assert!(told.reason.as_ref().unwrap().contains("counter"), "{told:?}");
    }
    // A counter that nobody signed says nothing of anybody.
    let mut forged = Passkey::counting(world.issuer());
    (forged.id, forged.handle, forged.count, forged.counts) = (passkey.id.clone(), passkey.handle.clone(), 1, false);
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    let watch = world.watch().await;
    phone.assertion(&id(&state), &forged.get(&state[OPTIONS])).await;
    let events = watch.events().await;
    let told = events.iter().find(|event| event.action == "passkey.checked").expect("an event");
    assert!(told.reason.as_ref().unwrap().contains("signature is not that"), "{told:?}");
    // Two are asked at once: what counts is what is known when the second one answers.
    let (mut early, mut late) = (world.browser(), world.browser());
    let (first, second) = (early.flow(&app, &[]).await, late.flow(&app, &[]).await);
    (passkey.count, passkey.counts) = (7, false);
    assert_eq!(late.assertion(&id(&second), &passkey.get(&second[OPTIONS])).await.ok()["status"], "COMPLETED");
    let answer = early.assertion(&id(&first), &passkey.get(&first[OPTIONS])).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    passkey.counts = true;
    let state = early.get(&format!("{FLOWS}{}", id(&first))).await.ok();
    assert_eq!(early.assertion(&id(&first), &passkey.get(&state[OPTIONS])).await.ok()["status"], "COMPLETED");
}

#[tokio::test]
async fn a_passkey_that_was_removed_signs_nobody_in() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, alice, mut passkey) = passkey_of_alice(&world).await;
    policy(&admin, &only_passkey(FIRST)).await;
    policy(&admin, &password_and_passkey(SECOND, false)).await;
    let (first, second) = (app(&world, FIRST).await, app(&world, SECOND).await);
    let (mut phone, mut tablet) = (world.browser(), world.browser());
    let unnamed = phone.flow(&first, &[]).await;
    let flow = id(&tablet.flow(&second, &[]).await);
    let named = tablet.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!((&unnamed["status"], &named["status"]), (&json!("ASSERTION_REQUIRED"), &json!("ASSERTION_REQUIRED")));
    // Asked for already, and gone when it answers.
    let path = format!("/admin/v1/users/{}/passkeys", crate::admin::robot::usr(&alice));
    let listed = admin.get(&path).await.ok();
    assert_eq!(admin.delete(&format!("{path}/{}", listed["items"][0]["id"].as_str().unwrap())).await.status, 204);
    for (browser, state) in [(&mut phone, &unnamed), (&mut tablet, &named)] {
        let answer = browser.assertion(&id(state), &passkey.get(&state[OPTIONS])).await;
        refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    }
    // What was tried is not asked for again, whoever has something else to show.
    let anew = phone.get(&format!("{FLOWS}{}", id(&unnamed))).await.ok();
    assert_ne!(anew[OPTIONS]["challenge"], unnamed[OPTIONS]["challenge"]);
    // Who has none any more does not get through with the password alone.
    world.clock.advance(seconds(5));
    let mut laptop = world.browser();
    let flow = id(&laptop.flow(&second, &[]).await);
    assert_eq!(laptop.password(&flow, "alice", PASSWORD).await.ok()["status"], "FAILED");
}

#[tokio::test]
async fn who_is_locked_or_gone_has_no_passkey() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, alice, mut passkey) = passkey_of_alice(&world).await;
    policy(&admin, &only_passkey(FIRST)).await;
    let app = app(&world, FIRST).await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    let flow = id(&state);
    alice.lock().await;
    let answer = phone.assertion(&flow, &passkey.get(&state[OPTIONS])).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    alice.unlock().await;
    let state = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    assert_eq!(phone.assertion(&flow, &passkey.get(&state[OPTIONS])).await.ok()["status"], "COMPLETED");
    assert_eq!(world.rows("passkey").await.len(), 1);
    alice.delete().await;
    assert!(world.rows("passkey").await.is_empty(), "with the person");
}

/// [flows.md A.1.3] the same by a registered application, of an origin that may use our credentials.
#[tokio::test]
async fn a_1_3_an_application_asks_for_a_passkey() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    let (near, far) = ("http://localhost:3000", super::LOGIN);
    application(&admin, "near", near).await;
    application(&admin, "far", far).await;
    settings(&admin, &json!({ "default_application": "near" })).await;
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    let state = browser.send(browser.sent_by_page(near, reqwest::Method::GET, &flow)).await.ok();
    assert_eq!(state["alternativeAuthenticationSources"], json!(["passkey"]));
    assert_eq!(
        links(&state),
        ["cancel", "checkUsernamePassword", "initiatePasswordChange", "self", "useAlternativeAuthenticationSource"]
    );
    for other in ["identifier", "password", "sms"] {
        let body = json!({ "authenticationSource": other });
        let answer = browser.act_from(near, &flow, "useAlternativeAuthenticationSource", &body).await;
        refused(&answer, 400, "VALIDATION_ERROR", Some("INVALID_FIELD_VALUE"));
    }
    let body = json!({ "authenticationSource": "passkey" });
    let state = browser.act_from(near, &flow, "useAlternativeAuthenticationSource", &body).await.ok();
    assert_eq!(state["status"], "ASSERTION_REQUIRED");
    assert_eq!(state["alternativeAuthenticationSources"], json!(["password"]));
    let check = |made: &Value| json!({ "assertion": made.to_string(), "origin": near, "compatibility": "FULL" });
    // Made on our own pages, it is not the application's.
    let made = passkey.get(&state[OPTIONS]);
    let answer = browser.act_from(near, &flow, "checkAssertion", &check(&made)).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    let state = browser.send(browser.sent_by_page(near, reqwest::Method::GET, &flow)).await.ok();
    passkey.origin = near.to_owned();
    let made = passkey.get(&state[OPTIONS]);
    let wrong = json!({ "assertion": made.to_string(), "origin": "https://evil.test" });
    let answer = browser.act_from(near, &flow, "checkAssertion", &wrong).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("INVALID_FIELD_VALUE"));
    let state = browser.act_from(near, &flow, "checkAssertion", &check(&made)).await.ok();
    assert_eq!(state["status"], "RESUME");

    // Browsers do not let a page of another site use our credentials, and neither do we.
    settings(&admin, &json!({ "default_application": "far" })).await;
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    let state = browser.act_from(far, &flow, "useAlternativeAuthenticationSource", &body).await.ok();
    passkey.origin = far.to_owned();
    let made = json!({ "assertion": passkey.get(&state[OPTIONS]).to_string() });
    let answer = browser.act_from(far, &flow, "checkAssertion", &made).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
}

/// [security.md case 135] who has a passkey is told to nobody who has proved nothing.
#[tokio::test]
async fn security_135_nothing_tells_who_has_a_passkey() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, _alice, _passkey) = passkey_of_alice(&world).await;
    let steps = json!([{ "id": "name", "source": "identifier" }, { "id": "passkey", "source": "passkey" }]);
    policy(&admin, &json!({ "id": "named", "steps": steps })).await;
    let app = app(&world, "named").await;
    let mut read = Vec::new();
    for name in ["alice", "nobody"] {
        let mut phone = world.browser();
        let flow = id(&phone.flow(&app, &[("login_hint", name)]).await);
        let mut state = phone.act(&flow, "submitIdentifier", &json!({ "identifier": name })).await.ok();
        state[OPTIONS]["challenge"] = Value::Null;
        state["id"] = Value::Null;
        state["_links"] = json!(links(&state));
        read.push(state);
    }
    assert_eq!(read[0], read[1]);
    assert_eq!(read[0]["status"], "ASSERTION_REQUIRED");
}

#[tokio::test]
async fn one_assertion_is_good_once_however_many_bring_it() {
    let world = World::with().nodes(2).start().await;
    let admin = world.admin().await;
    let (_shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    policy(&admin, &only_passkey(FIRST)).await;
    let app = app(&world, FIRST).await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    let (flow, made) = (id(&state), passkey.get(&state[OPTIONS]));
    let (mut here, mut there) = (phone.clone(), phone.at(1));
    let (one, other) = tokio::join!(here.assertion(&flow, &made), there.assertion(&flow, &made));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn what_a_policy_says_of_passkeys_is_checked() {
    let world = World::start().await;
    let admin = world.admin().await;
    for (steps, pointer) in [
        (json!([{ "id": "a", "source": "password", "alternatives": ["password"] }]), "/steps/0/alternatives"),
        (json!([{ "id": "a", "source": "password", "alternatives": ["identifier"] }]), "/steps/0/alternatives"),
        (json!([{ "id": "a", "source": "password", "alternatives": ["passkey", "passkey"] }]), "/steps/0/alternatives"),
        (
            json!([{ "id": "a", "source": "identifier", "alternatives": ["passkey"] }, { "id": "b", "source": "password" }]),
            "/steps/0/alternatives",
        ),
    ] {
        let answer = admin.post(POLICIES, &json!({ "id": "bad", "steps": steps })).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{}", answer.text());
    }
    let steps = json!([{
        "id": "a", "source": "passkey", "alternatives": ["password"], "success": "done", "failure": "fail",
    }]);
    policy(&admin, &json!({ "id": "good", "steps": steps })).await;
    assert_eq!(admin.get(&format!("{POLICIES}/good")).await.ok()["steps"], steps);
    let app = app(&world, "good").await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    assert_eq!(
        (&state["status"], &state["alternativeAuthenticationSources"]),
        (&json!("ASSERTION_REQUIRED"), &json!(["password"]))
    );
    // What is offered is what the policy has, at this moment.
    admin.patch(&format!("{POLICIES}/good"), &json!({ "steps": [{ "id": "a", "source": "passkey" }] })).await.ok();
    let body = json!({ "authenticationSource": "password" });
    let answer = phone.act(&id(&state), "useAlternativeAuthenticationSource", &body).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("INVALID_FIELD_VALUE"));
}
