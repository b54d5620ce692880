//! Sign-in pages that were open for longer than their flow lives [product.md 3.2: the form is kept].

use nod::domain::profile::Profile;
use serde_json::json;

use super::rfc9126_pushed_requests::{bring, push, request_uri};
use super::{LOGIN, PASSWORD, application, name_first, policy, settings, shop_and_alice};
use crate::world::{Browser, Client, Page, World, decoded, seconds};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// A page, and its button pressed after a while.
async fn pressed_after(world: &World, browser: &mut Browser, page: &Page, wait: u64) -> Page {
    world.clock.advance(seconds(wait));
    browser.press(page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap()
}

#[track_caller]
fn gone(page: &Page) {
    assert_eq!(page.answer.status, 400, "{}", page.answer.text());
    assert!(!page.answer.text().contains("<form"), "{}", page.answer.text());
}

#[tokio::test]
async fn product_3_2_what_was_typed_is_there_when_a_sign_in_ran_out_of_time() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    for wait in [30 * MINUTE, DAY - 1] {
        let mut browser = world.browser();
        let page = browser.authorize(&shop, &[("state", "of before")]).await.unwrap();
        let again = pressed_after(&world, &mut browser, &page, wait).await;
        again.has("value=\"alice\"").has("role=\"alert\"").has("The shop");
        assert_eq!(again.answer.status, 200);
        assert!(!again.answer.text().contains(PASSWORD), "what is secret is typed again");
        assert!(!browser.cookies.contains_key("nod-session"));
        // It is a page like any other.
        let callback = browser.sign_in(&again, "alice", PASSWORD).await.unwrap_err();
        assert_eq!(callback.get("state"), "of before");
        let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
        assert_eq!((&claims["nonce"], &claims["sub"]), (&json!("a nonce"), &json!(alice.id.to_string())));
        gone(&browser.open(&page.path).await.unwrap());
    }
}

#[tokio::test]
async fn product_3_2_the_name_alone_is_kept_as_well() {
    let world = World::start().await;
    let (_, _alice) = shop_and_alice(&world).await;
    policy(&world.admin().await, &name_first("x")).await;
    let desk = world.client("desk").signs_in().implied_consent().policy("x").await;
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    world.clock.advance(seconds(31 * MINUTE));
    let again = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    again.has("value=\"alice\"").has("role=\"alert\"");
    let next = browser.press(&again, "continue", &[("username", "alice")]).await.unwrap();
    // On the second page, too, from where it begins once more.
    let again = pressed_after(&world, &mut browser, &next, 31 * MINUTE).await;
    again.has("value=\"alice\"").has("value=\"continue\"");
    let next = browser.press(&again, "continue", &[("username", "alice")]).await.unwrap();
    browser.sign_in(&next, "alice", PASSWORD).await.unwrap_err().get("code");
}

/// The request is not asked for once more: a pushed one was brought once, and by this browser.
#[tokio::test]
async fn product_3_2_a_pushed_request_is_kept_with_the_form() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let uri = request_uri(&push(&shop, &[("state", "pushed")]).await);
    let page = bring(&mut browser, &shop, &uri).await.unwrap();
    let again = pressed_after(&world, &mut browser, &page, 45 * MINUTE).await;
    let callback = browser.sign_in(&again, "alice", PASSWORD).await.unwrap_err();
    assert_eq!(callback.get("state"), "pushed");
    shop.redeem(callback.get("code")).await.tokens();
}

#[tokio::test]
async fn a_late_form_is_good_in_its_own_browser_for_its_own_flow_and_for_a_day() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let (mut browser, mut stranger) = (world.browser(), world.browser());
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let theirs = stranger.authorize(&shop, &[]).await.unwrap();
    world.clock.advance(seconds(30 * MINUTE));
    let text = |page: &Page, change: &dyn Fn(String) -> String| {
        let mut page = page.clone();
        page.answer.body = change(page.answer.text()).into_bytes();
        page
    };
    let kept = |page: &Page| page.field("again").unwrap();
    let fields = [("username", "alice"), ("password", PASSWORD)];
    // What the form of another browser kept, in a form of their own; and the form itself.
    let swapped = text(&theirs, &|text| text.replace(&kept(&theirs), &kept(&page)));
    for (what, form) in [
        ("of another browser", swapped),
        ("altered", text(&theirs, &|text| text.replace(&kept(&theirs), &kept(&theirs)[1..]))),
        ("nothing", text(&theirs, &|text| text.replace(&kept(&theirs), ""))),
        ("without the mark", text(&theirs, &|text| text.replace("name=\"csrf\"", "name=\"other\""))),
        ("the whole form of another browser", page.clone()),
    ] {
        let answer = stranger.press(&form, "sign_in", &fields).await.unwrap();
        assert_eq!(answer.answer.status, 400, "{what}");
        gone(&answer);
    }
    // Who gives up has nothing to start again for; who only looks has typed nothing.
    gone(&browser.press(&page, "cancel", &[]).await.unwrap());
    gone(&browser.open(&page.path).await.unwrap());
    gone(&pressed_after(&world, &mut browser, &page, DAY - 30 * MINUTE).await);
}

#[tokio::test]
async fn a_sign_in_that_was_finished_does_not_begin_once_more() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
    gone(&pressed_after(&world, &mut browser, &page, 0).await);
}

/// Whoever may not be asked for any more, or for less, is not asked for by a form of before.
#[tokio::test]
async fn a_late_form_is_of_the_client_as_it_was() {
    type Change = fn(&mut nod::domain::client::Client);
    let changes: [Change; 4] = [
        |client| client.disabled = true,
        |client| client.security_profile = Some(Profile::Fapi2Security),
        |client| client.scope = nod::protocol::scope::Scope::parse("openid").unwrap(),
        |client| client.sign_in.as_mut().unwrap().redirect_uris.clear(),
    ];
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    for (number, change) in changes.into_iter().enumerate() {
        let shop: Client = world.client(&format!("shop-{number}")).signs_in().await;
        let mut browser = world.browser();
        let page = browser.authorize(&shop, &[]).await.unwrap();
        shop.update(change).await;
        gone(&pressed_after(&world, &mut browser, &page, 31 * MINUTE).await);
    }
}

/// What an operator has decided since holds.
#[tokio::test]
async fn a_late_form_goes_to_whoever_shows_sign_ins_now() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let admin = world.admin().await;
    application(&admin, "login", LOGIN).await;
    settings(&admin, &json!({ "default_application": "login" })).await;
    world.clock.advance(seconds(31 * MINUTE));
    let form = [
        ("csrf", page.field("csrf").unwrap()),
        ("again", page.field("again").unwrap()),
        ("username", "alice".to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = browser.request(reqwest::Method::POST, &page.path);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(crate::world::enc(&form));
    let answer = browser.send(request).await;
    // No redirect: `form-action` holds for where a form is redirected to, too.
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(&format!("0;url={LOGIN}/in")), "{}", answer.text());
    // Who is signed in by now has nothing to type.
    let admin = world.admin_again(&admin).await;
    settings(&admin, &json!({ "default_application": null })).await;
    let page = browser.authorize(&shop, &[]).await.unwrap();
    world.clock.advance(seconds(31 * MINUTE));
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");
    let fields = [("username", "alice"), ("password", "anything")];
    browser.press(&page, "sign_in", &fields).await.unwrap_err().get("code");
}
