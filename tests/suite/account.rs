//! The pages of somebody's own account: passkeys, and who may change them; devices; what applications have.

use reqwest::Method;
use serde_json::json;

use crate::admin::robot::usr;
use crate::sign_in::passkeys::{ACCOUNT, options, with_passkey};
use crate::sign_in::{PASSWORD, shop_and_alice};
use crate::world::authenticator::{PRESENT, Passkey, VERIFIED};
use crate::world::{Browser, Page, World, seconds};

mod applications;
mod devices;

const CONFIRM: &str = "/account/confirm";

async fn signed_in(world: &World) -> (crate::world::Client, crate::world::Person, Browser) {
    let (shop, alice) = shop_and_alice(world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    (shop, alice, browser)
}

/// The identifier that the form of the first passkey sends.
fn first(page: &Page) -> String {
    page.field("passkey").expect("a passkey")
}

#[tokio::test]
async fn somebody_makes_names_and_removes_a_passkey() {
    let world = World::start().await;
    let (_shop, _alice, mut browser) = signed_in(&world).await;
    let page = browser.open(ACCOUNT).await.unwrap();
    page.has("You have no passkeys yet.").has("alice");
    let mut passkey = browser.enrol(Passkey::new(world.issuer())).await;
    let page = browser.open(ACCOUNT).await.unwrap();
    let id = first(&page);
    for bad in ["", "  ", "a\u{7}", &"x".repeat(65)] {
        let fields = [("passkey", id.as_str()), ("name", bad)];
        browser.press(&page, "rename", &fields).await.unwrap().has("A name has 1 to 64 characters.").has("My phone");
    }
    let fields = [("passkey", id.as_str()), ("name", "The <blue> one")];
    browser.press(&page, "rename", &fields).await.unwrap().has("The &#60;blue&#62; one");
    // The same credential once more is refused, whoever brings it.
    confirm(&mut browser, &mut passkey).await;
    let page = browser.open(ACCOUNT).await.unwrap();
    let page = browser.press(&page, "add", &[]).await.unwrap();
    let made = passkey.create(&options(&page, "create"));
    browser.made(&page, &made).await.has("The passkey was not made.");
    assert_eq!(world.rows("passkey").await.len(), 1);
}

/// Shows that it is still the same person.
async fn confirm(browser: &mut Browser, passkey: &mut Passkey) -> Page {
    let page = browser.open(CONFIRM).await.unwrap();
    let ceremony = page.field("ceremony").unwrap();
    let made = passkey.get(&options(&page, "get")).to_string();
    let fields = [("ceremony", ceremony.as_str()), ("assertion", made.as_str())];
    browser.press(&page, "passkey", &fields).await.unwrap()
}

#[tokio::test]
async fn nobody_changes_passkeys_without_showing_that_it_is_still_them() {
    let world = World::start().await;
    let (_shop, _alice, mut browser) = signed_in(&world).await;
    world.clock.advance(seconds(5 * 60));
    // Nobody has shown anything for a while.
    let page = browser.open(ACCOUNT).await.unwrap();
    let page = browser.press(&page, "add", &[]).await.unwrap();
    assert_eq!(page.path, CONFIRM);
    browser.press(&page, "confirm", &[]).await.unwrap().has("Enter your password.");
    let before = browser.cookies.clone();
    let wrong = browser.press(&page, "confirm", &[("password", "wrong")]).await.unwrap();
    assert_eq!(browser.cookies, before, "{}", wrong.answer.text());
    world.clock.advance(seconds(5));
    let page = browser.press(&page, "confirm", &[("password", PASSWORD)]).await.unwrap();
    assert_eq!(page.path, ACCOUNT);
    assert_ne!(browser.cookies, before, "the session has another name");
    let mut old = browser.clone();
    old.cookies = before;
    assert_eq!(old.get(ACCOUNT).await.status, 403, "and the old one is worth nothing");
    let mut passkey = browser.enrol(Passkey::new(world.issuer())).await;

    // From now on a password is not enough, fresh as it may be.
    let page = browser.open(ACCOUNT).await.unwrap();
    let id = first(&page);
    let page = browser.press(&page, "remove", &[("passkey", &id)]).await.unwrap();
    assert_eq!(page.path, CONFIRM);
    assert!(!page.answer.text().contains("type=\"password\""), "{}", page.answer.text());
    browser.press(&page, "confirm", &[("password", PASSWORD)]).await.unwrap().has("data-get");
    assert_eq!(world.rows("passkey").await.len(), 1);
    let ceremony = page.field("ceremony").unwrap();
    let made = passkey.get(&options(&page, "get")).to_string();
    let fields = [("ceremony", ceremony.as_str()), ("assertion", made.as_str())];
    let mut other = browser.clone();
    let listed = browser.press(&page, "passkey", &fields).await.unwrap();
    assert_eq!(listed.path, ACCOUNT);
    // The same once more.
    let again = other.press(&page, "passkey", &fields).await;
    assert!(again.is_err() || again.unwrap().path != ACCOUNT);
    browser.press(&listed, "remove", &[("passkey", &id)]).await.unwrap().has("You have no passkeys yet.");
    assert!(world.rows("passkey").await.is_empty());
}

/// [WebAuthn §7.1] one thing is wrong at a time.
#[tokio::test]
async fn webauthn_7_1_what_was_not_made_for_us_now_is_not_registered() {
    let world = World::start().await;
    let (_shop, _alice, mut browser) = signed_in(&world).await;
    let lies: [(&str, &dyn Fn(&mut Passkey)); 8] = [
        ("another challenge", &|lie| lie.challenge = Some("A".repeat(43))),
        ("another origin", &|lie| lie.origin = "https://evil.test".into()),
        ("another relying party", &|lie| lie.rp_id = "evil.test".into()),
        ("the person was not verified", &|lie| lie.flags = PRESENT),
        ("nobody was present", &|lie| lie.flags = VERIFIED),
        ("in a frame", &|lie| lie.cross_origin = true),
        ("of another ceremony", &|lie| lie.ceremony = Some("webauthn.get")),
        ("an identifier of another length", &|lie| lie.id = Vec::new()),
    ];
    for (what, lie) in lies {
        let mut passkey = Passkey::new(world.issuer());
        lie(&mut passkey);
        let page = browser.open(ACCOUNT).await.unwrap();
        let page = browser.press(&page, "add", &[]).await.unwrap();
        let made = passkey.create(&options(&page, "create"));
        browser.made(&page, &made).await.has("The passkey was not made.");
        assert!(world.rows("passkey").await.is_empty(), "{what}");
    }
    // Keys that nobody verifies: of another algorithm, on another curve, with something behind them.
    let page = browser.open(ACCOUNT).await.unwrap();
    for change in [(4, 0x27_u8), (6, 0x02), (2, 0x01)] {
        let page = browser.press(&page, "add", &[]).await.unwrap();
        let mut passkey = Passkey::new(world.issuer());
        let options = options(&page, "create");
        passkey.create(&options);
        let mut cose = passkey.cose();
        cose[change.0] = change.1;
        browser.made(&page, &passkey.create_with(&options, &cose)).await.has("The passkey was not made.");
    }
    // A challenge is for one try, of one session, within five minutes.
    let page = browser.press(&page, "add", &[]).await.unwrap();
    let mut passkey = Passkey::new(world.issuer());
    let made = passkey.create(&options(&page, "create"));
    passkey.origin = "https://evil.test".into();
    let lie = passkey.create(&options(&page, "create"));
    browser.made(&page, &lie).await.has("The passkey was not made.");
    browser.made(&page, &made).await.has("The passkey was not made.");
    assert!(world.rows("passkey").await.is_empty());
}

#[tokio::test]
async fn a_passkey_is_one_persons() {
    let world = World::start().await;
    let (shop, _alice, mut browser) = signed_in(&world).await;
    browser.enrol(Passkey::new(world.issuer())).await;
    let id = first(&browser.open(ACCOUNT).await.unwrap());
    world.user("bob").with_password(PASSWORD).await;
    let mut bobs = world.browser();
    bobs.log_in(&shop, "bob", PASSWORD).await;
    let page = bobs.open(ACCOUNT).await.unwrap();
    for (button, fields) in [
        ("remove", vec![("passkey", id.as_str())]),
        ("rename", vec![("passkey", id.as_str()), ("name", "Mine now")]),
        ("remove", vec![("passkey", "pkc_nonsense")]),
        ("rename", vec![("name", "Nothing")]),
    ] {
        bobs.press(&page, button, &fields).await.unwrap().has("This passkey is not there any more.");
    }
    browser.open(ACCOUNT).await.unwrap().has("My phone");
    // The ceremony of one session is no other's.
    let page = bobs.press(&page, "add", &[]).await.unwrap();
    let made = Passkey::new(world.issuer()).create(&options(&page, "create")).to_string();
    let ceremony = page.field("ceremony").unwrap();
    let mut carol = world.browser();
    world.user("carol").with_password(PASSWORD).await;
    carol.log_in(&shop, "carol", PASSWORD).await;
    let own = carol.open(ACCOUNT).await.unwrap();
    let fields = [("ceremony", ceremony.as_str()), ("attestation", made.as_str()), ("name", "x")];
    carol.press(&own, "passkey", &fields).await.unwrap().has("The passkey was not made.");
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let world = World::start().await;
    let (_shop, _alice, mut browser) = signed_in(&world).await;
    for (mark, site) in [("", "same-origin"), ("csrf=AAAA&", "same-origin"), ("", "cross-site")] {
        let request = browser.request(Method::POST, ACCOUNT).header("sec-fetch-site", site);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = browser.send(request.body(format!("{mark}action=add"))).await;
        assert_eq!(answer.status, 403);
    }
    let mut nobody = world.browser();
    for path in [ACCOUNT, CONFIRM] {
        let answer = nobody.get(path).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("You are not signed in."));
        assert_eq!(browser.send(browser.request(Method::PUT, path)).await.status, 405);
    }
}

#[tokio::test]
async fn nobody_has_more_than_twenty() {
    let world = World::start().await;
    let (_shop, _alice, mut browser) = signed_in(&world).await;
    let mut passkey = browser.enrol(Passkey::new(world.issuer())).await;
    let page = confirm(&mut browser, &mut passkey).await;
    let offered = browser.press(&page, "add", &[]).await.unwrap();
    let excluded = &options(&offered, "create")["excludeCredentials"];
    assert_eq!(excluded[0]["id"], crate::world::b64(&passkey.id), "no second one on the same authenticator");
    for _ in 1..20 {
        browser.enrol(Passkey::new(world.issuer())).await;
    }
    browser.press(&page, "add", &[]).await.unwrap().has("You have as many passkeys as one may have.");
    assert_eq!(world.rows("passkey").await.len(), 20);
}

#[tokio::test]
async fn an_administrator_sees_passkeys_and_deletes_them() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let bob = world.user("bob").await;
    with_passkey(&world, &shop, "alice", Passkey::new(world.issuer())).await;
    let path = |person| format!("/admin/v1/users/{}/passkeys", usr(person));
    let listed = admin.get(&path(&alice)).await.ok();
    let one = &listed["items"][0];
    assert_eq!((&one["name"], &one["synchronised"]), (&json!("My phone"), &json!(false)));
    assert!(one["created_at"].is_string() && one.get("last_used_at").is_none(), "{listed}");
    assert_eq!(admin.get(&path(&bob)).await.ok()["items"], json!([]));
    admin.get("/admin/v1/users/usr_00000000000000000000000000/passkeys").await.admin_problem(404, "not_found");
    let reader = world.robot("reader", "nod:users:read").await;
    let at = format!("{}/{}", path(&alice), one["id"].as_str().unwrap());
    reader.delete(&at).await.admin_problem(403, "insufficient_scope");
    let of_bob = format!("{}/{}", path(&bob), one["id"].as_str().unwrap());
    admin.delete(&of_bob).await.admin_problem(404, "not_found");
    assert_eq!(admin.delete(&at).await.status, 204);
    admin.delete(&at).await.admin_problem(404, "not_found");
    assert!(world.rows("passkey").await.is_empty());
}

#[tokio::test]
async fn who_was_signed_out_meanwhile_confirms_in_vain() {
    let world = World::start().await;
    let (_shop, _alice, mut browser) = signed_in(&world).await;
    world.clock.advance(seconds(5 * 60));
    let page = browser.open(CONFIRM).await.unwrap();
    let sessions = world.rows("session").await;
    // Looking at a password takes its time, and by the end nothing is there to be renewed.
    world.sql("CREATE TRIGGER gone BEFORE UPDATE OF token_digest ON session BEGIN SELECT RAISE(IGNORE); END").await;
    browser.press(&page, "confirm", &[("password", PASSWORD)]).await.unwrap();
    assert_eq!(world.rows("session").await, sessions, "none comes back under another name");
}
