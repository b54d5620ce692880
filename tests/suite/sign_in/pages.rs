//! What our own pages say besides: why somebody is asked again, what is new, which ways there are, who is told,
//! and where it goes on when it cannot.

use serde_json::json;

use super::passkeys::{options, with_passkey};
use super::{PASSWORD, policy, shop_and_alice};
use crate::world::authenticator::Passkey;
use crate::world::{AUTHORIZE, CALLBACK, Client, Page, World, asked, seconds};

const LONG_AGO: &str = "You signed in some time ago.";
const STRONGER: &str = "This needs a stronger sign-in than before.";
const BY_CLIENT: &str = "asks you to sign in again";

/// Of what a page says, and of nothing else.
#[track_caller]
fn says(page: &Page, reason: &str) {
    for known in [LONG_AGO, STRONGER, BY_CLIENT] {
        let text = page.answer.text().replace("<bdi>", "").replace("</bdi>", "");
        assert_eq!(text.contains(known), known == reason, "{known}: {text}");
    }
}

#[tokio::test]
async fn who_is_signed_in_reads_why_they_are_asked_again() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let hourly = json!([{ "id": "password", "source": "password", "when": [{ "not_within": 600 }] }]);
    policy(&admin, &json!({ "id": "hourly", "steps": hourly })).await;
    let strong = json!([{ "id": "passkey", "source": "passkey", "alternatives": ["password"] }]);
    policy(&admin, &json!({ "id": "strong", "steps": strong })).await;
    let hourly = world.client("hourly").signs_in().policy("hourly").await;
    let strong = world.client("strong").signs_in().policy("strong").await;
    let mut browser = world.browser();
    for fields in [&[("max_age", "60")][..], &[]] {
        says(&browser.authorize(&shop, fields).await.unwrap(), "");
    }
    browser.log_in(&shop, "alice", PASSWORD).await;
    world.clock.advance(seconds(601));
    let page = browser.authorize(&shop, &[("max_age", "600")]).await.unwrap();
    says(&page, LONG_AGO);
    says(&browser.authorize(&hourly, &[]).await.unwrap(), LONG_AGO);
    says(&browser.authorize(&shop, &[("prompt", "login")]).await.unwrap(), BY_CLIENT);
    let needs = json!({"id_token": {"acr": {"essential": true, "values": ["urn:nod:acr:passkey"]}}}).to_string();
    says(&browser.authorize(&strong, &[("claims", &needs)]).await.unwrap(), STRONGER);
    // Whoever is told so and signs in is asked no more.
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await;
    page.unwrap_err().get("code");
    // Somebody else is no reason.
    let mut stranger = world.browser();
    says(&stranger.authorize(&shop, &[("max_age", "600")]).await.unwrap(), "");
}

#[tokio::test]
async fn consent_that_was_given_before_is_not_asked_for_again() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("scope", "openid")]).await.unwrap();
    let first = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    first.has("Know that it is you").has("wants to:");
    browser.press(&first, "allow", &[]).await.unwrap_err().get("code");
    // More than before: what is new stands there, and nothing else.
    let page = browser.authorize(&shop, &[]).await.unwrap();
    page.has("has some access already").has("scope:email").has("scope:profile");
    assert!(!page.answer.text().contains("Know that it is you"), "{}", page.answer.text());
    let callback = browser.press(&page, "allow", &[("scope:email", "on")]).await.unwrap_err();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(tokens.json["scope"], "openid email", "what was not ticked is not given");
    // What was left out is new again; prompt=consent shows all of it.
    let page = browser.authorize(&shop, &[]).await.unwrap();
    assert!(!page.has("scope:profile").answer.text().contains("scope:email"));
    let callback = browser.press(&page, "allow", &[("scope:profile", "on")]).await.unwrap_err();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(tokens.json["scope"], "openid profile email", "what was given before is given still");
    let page = browser.authorize(&shop, &[("prompt", "consent")]).await.unwrap();
    page.has("scope:profile").has("scope:email").has("wants to:");
    // It was one client's.
    let other = world.client("other").signs_in().await;
    browser.authorize(&other, &[]).await.unwrap().has("scope:profile").has("scope:email");
}

#[tokio::test]
async fn who_has_several_ways_says_which_one_first() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut passkey = with_passkey(&world, &shop, "alice", Passkey::new(world.issuer())).await;
    let steps = json!([
        { "id": "name", "source": "identifier" },
        { "id": "proof", "source": "passkey", "alternatives": ["password"] },
    ]);
    policy(&admin, &json!({ "id": "ways", "steps": steps })).await;
    let desk = world.client("desk").signs_in().implied_consent().policy("ways").await;
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    let ways = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    ways.has("How do you want to confirm").has("value=\"passkey\"").has("value=\"password\"");
    assert!(!ways.answer.text().contains("data-get"), "nothing is asked before somebody chose");
    browser.press(&ways, "continue", &[]).await.unwrap().has("Choose one of the ways.");
    browser.press(&ways, "continue", &[("method", "sms")]).await.unwrap().has("This way does not work any more.");
    // The one that is asked anyhow changes nothing.
    let watch = world.watch().await;
    let page = browser.press(&ways, "continue", &[("method", "passkey")]).await.unwrap();
    watch.nothing("a choice").await;
    browser.answer(&page, &mut passkey).await.unwrap_err().get("code");
    // The other one, and back.
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    let ways = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    let page = browser.press(&ways, "continue", &[("method", "password")]).await.unwrap();
    let page = browser.press(page.has("type=\"password\""), "passkey", &[]).await.unwrap();
    options(&page, "get");
    let page = browser.press(&page, "password", &[]).await.unwrap();
    let fields = [("username", "alice"), ("password", PASSWORD)];
    browser.press(&page, "sign_in", &fields).await.unwrap_err().get("code");
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    let ways = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    browser.press(&ways, "cancel", &[]).await.unwrap_err().error("access_denied");
}

#[tokio::test]
async fn a_client_that_is_switched_off_is_named() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    shop.disable().await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    assert_eq!(page.answer.status, 403);
    let text = page.answer.text().replace("<bdi>", "").replace("</bdi>", "");
    assert!(text.contains("Signing in to The shop is switched off."), "{text}");
    assert!(!text.contains(CALLBACK), "there is no way back");
    let unknown = browser.get(&format!("{AUTHORIZE}?client_id=nobody")).await;
    assert!(unknown.status == 400 && unknown.text().contains("We do not know the app"), "{}", unknown.text());
}

/// The way back is there where the address is one of the client's own.
#[tokio::test]
async fn who_meets_an_outage_finds_the_way_back() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    world.sql("ALTER TABLE session RENAME TO away").await;
    let query = asked(&shop, &[]);
    let page = browser.get(&format!("{AUTHORIZE}?{query}")).await;
    assert_eq!((page.status, page.header("retry-after")), (503, Some("1")));
    let text = page.text();
    let (_, link) = text.split_once(&format!("href=\"{CALLBACK}?")).unwrap_or_else(|| panic!("no way back in {text}"));
    let link = link.split_once('"').unwrap().0.replace("&#38;", "&");
    for part in ["error=temporarily_unavailable", "state=a+state", "iss="] {
        assert!(link.contains(part) || link.contains(&part.replace('+', "%20")), "{link}");
    }
    world.sql("ALTER TABLE away RENAME TO session").await;
    // Of an address that is not the client's, nobody hears anything.
    let page = browser.authorize(&shop, &[("redirect_uri", "https://evil.test/cb")]).await.unwrap();
    assert_eq!(page.answer.status, 400);
    let text = page.answer.text().replace("<bdi>", "").replace("</bdi>", "");
    assert!(text.contains("The shop sent us a request that we cannot answer.") && !text.contains("evil"), "{text}");
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookies_is_told_so() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let page = world.browser().authorize(&shop, &[]).await.unwrap();
    let mut forgetful = world.browser();
    let told = forgetful.get(&page.path).await;
    assert!(told.status == 400 && told.text().contains("Your browser does not keep our cookies"), "{}", told.text());
    // One that has some, and not for this flow, has another problem.
    let mut other = world.browser();
    other.authorize(&shop, &[]).await.unwrap();
    assert!(other.get(&page.path).await.text().contains("This page is too old to continue."));
}

async fn calling(world: &World, id: &str) -> Client {
    let client = world.client(id).signs_in().registered(|client| {
        let uri = "https://shop.example/out".to_owned();
        let uri = nod::domain::client::LogoutUri { uri, session_required: true };
        client.sign_in.as_mut().unwrap().logout.frontchannel = Some(uri);
        client.name = format!("App {}", client.id);
    });
    client.await
}

#[tokio::test]
async fn who_signs_out_reads_which_apps_are_told() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let (bank, radio) = (calling(&world, "bank").await, calling(&world, "radio").await);
    let (_unused, silent) = (calling(&world, "unused").await, world.client("silent").signs_in().await);
    let mut browser = world.browser();
    for client in [&bank, &radio, &silent] {
        let code = browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned();
        client.redeem(&code).await.tokens();
    }
    let named = |page: &Page| {
        let names = ["App bank", "App radio", "App unused", "silent"];
        let list = page.answer.text().split_once("<ul class=\"bullets\">").map(|(_, rest)| rest.to_owned());
        let list = list.unwrap_or_default();
        let list = list.split_once("</ul>").map(|(list, _)| list.to_owned()).unwrap_or_default();
        names.into_iter().filter(|name| list.contains(name)).collect::<Vec<_>>()
    };
    let page = browser.log_out(&[]).await.unwrap();
    assert_eq!(named(page.has("You will be signed out of these apps too:")), ["App bank", "App radio"]);
    // Whoever asks is told anyhow.
    let page = browser.log_out(&[("client_id", "bank")]).await.unwrap();
    assert_eq!(named(&page), ["App radio"]);
    // Nobody else's browser is told where alice was.
    let mut other = world.browser();
    world.user("bob").with_password(PASSWORD).await;
    other.log_in(&silent, "bob", PASSWORD).await;
    let page = other.log_out(&[]).await.unwrap();
    assert_eq!(named(&page), Vec::<&str>::new());
    assert!(!page.answer.text().contains("these apps"));
}
