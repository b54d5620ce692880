//! OpenID Connect Session Management 1.0.

use ring::digest::{SHA256, digest};

use super::{PASSWORD, shop_and_alice};
use crate::world::{AUTHORIZE, Browser, Builder, Client, DISCOVERY, World, asked, b64};

const FRAME: &str = "/idp/check_session.openid";
const COOKIE: &str = "nod-browser-state";

fn telling() -> Builder {
    World::with().settings(|settings| settings.authorization.session_management = true)
}

/// What the browser keeps for the frame, whatever its name is there.
fn state(browser: &Browser) -> Option<String> {
    let mut found = browser.cookies.iter().filter(|(name, _)| name.ends_with(COOKIE));
    found.next().map(|(_, value)| value.clone())
}

async fn told(browser: &mut Browser, client: &Client) -> String {
    let callback = browser.authorize(client, &[("prompt", "none")]).await.unwrap_err();
    callback.get("session_state").to_owned()
}

/// As the frame makes it.
fn made(client: &str, origin: &str, state: &str, salt: &str) -> String {
    format!("{}.{salt}", b64(digest(&SHA256, format!("{client} {origin} {state} {salt}").as_bytes()).as_ref()))
}

#[tokio::test]
async fn oidc_session_3_1_an_answer_says_in_which_session_it_was_given() {
    let world = telling().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let bank = world.client("bank").signs_in().implied_consent().await;
    let mut browser = world.browser();
    let first = browser.log_in(&shop, "alice", PASSWORD).await.get("session_state").to_owned();
    let own = state(&browser).unwrap();
    for (client, told) in
        [("shop", first.clone()), ("shop", told(&mut browser, &shop).await), ("bank", told(&mut browser, &bank).await)]
    {
        let (_, salt) = told.split_once('.').unwrap();
        assert_eq!(told, made(client, "https://shop.example", &own, salt), "{client}");
    }
    assert_ne!(told(&mut browser, &shop).await, first, "it is salted");
    assert_eq!(state(&browser).unwrap(), own, "and means the same");
    // A browser that has lost it gets it again.
    browser.cookies.retain(|name, _| !name.ends_with(COOKIE));
    told(&mut browser, &shop).await;
    assert_eq!(state(&browser).unwrap(), own);
    // Who signs in anew, somebody else, and nobody: each time it is another one.
    let page = browser.authorize(&shop, &[("prompt", "login")]).await.unwrap();
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    let anew = state(&browser).unwrap();
    assert_ne!(anew, own);
    let page = browser.log_out(&[]).await.unwrap();
    browser.press(&page, "sign_out", &[]).await.unwrap();
    assert_eq!(state(&browser), None);
    // Nobody is signed in by it, and no refusal has it.
    let mut thief = world.browser();
    thief.cookies.insert("__Host-nod-session".to_owned(), anew.clone());
    thief.cookies.insert("nod-session".to_owned(), anew);
    let refused = thief.authorize(&shop, &[("prompt", "none")]).await.unwrap_err();
    assert!(!refused.error("login_required").0.contains_key("session_state"));
}

#[tokio::test]
async fn oidc_session_3_3_the_frame_is_the_one_page_that_others_show() {
    let world = telling().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let metadata = world.get(DISCOVERY).await.json();
    assert_eq!(metadata["check_session_iframe"], format!("{}{FRAME}", world.issuer()));
    let frame = world.get(FRAME).await;
    assert_eq!(frame.status, 200);
    let policy = frame.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'; script-src 'self';") && policy.contains("frame-ancestors https:"));
    assert!(!policy.contains("frame-ancestors *") && frame.header("x-frame-options").is_none());
    let text = frame.text();
    let script = text.split_once("src=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    assert!(text.contains(&format!("{COOKIE}\"")) && !text.contains("<form") && !text.contains("<a "));
    assert_eq!(world.get(&script).await.header("content-type"), Some("text/javascript; charset=utf-8"));
    let page = world.browser().authorize(&shop, &[]).await.unwrap();
    assert!(page.answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    let posted = crate::world::Answer::of(world.request(reqwest::Method::POST, FRAME)).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn session_management_is_off_unless_somebody_wants_it() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    assert!(!browser.log_in(&shop, "alice", PASSWORD).await.0.contains_key("session_state"));
    assert_eq!(state(&browser), None);
    assert!(world.get(DISCOVERY).await.json().get("check_session_iframe").is_none());
    assert_eq!(world.get(FRAME).await.status, 404);
}

#[tokio::test]
async fn oidc_session_3_1_who_has_no_page_is_told_of_no_session() {
    let world = telling().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let app = world.client("app").signs_in().implied_consent().registered(|app| {
        let uri = nod::protocol::redirect_uri::RedirectUri::parse("com.example.app:/cb").unwrap();
        app.sign_in.as_mut().unwrap().redirect_uris.push(uri);
    });
    let app = app.await;
    let mut browser = world.browser();
    browser.log_in(&app, "alice", PASSWORD).await.get("session_state");
    let query = asked(&app, &[("redirect_uri", "com.example.app:/cb"), ("prompt", "none")]);
    let location = browser.get(&format!("{AUTHORIZE}?{query}")).await.header("location").unwrap().to_owned();
    assert!(location.contains("code=") && !location.contains("session_state"), "{location}");
}
