//! The same on our own pages, without a script [flows.md F9; product.md 3.2].

use serde_json::Value;

use super::{PASSWORD, Scene, json};
use crate::world::{Browser, Callback, FLOWS, Page, seconds};

impl Scene {
    /// Up to the page that waits.
    async fn waiting(&self, browser: &mut Browser) -> Page {
        let page = browser.authorize(&self.shop, &[]).await.unwrap();
        browser.sign_in(&page, "alice", PASSWORD).await.unwrap()
    }
}

fn policy(matching: &str) -> Value {
    json!({ "id": "mfa", "number_matching": matching })
}

async fn scene(mfa: Value, phones: usize) -> Scene {
    let mut scene = Scene::of(mfa).await;
    for _ in 0..phones {
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
    }
    scene
}

/// The page as it is now.
async fn again(browser: &mut Browser, page: &Page) -> Page {
    browser.open(&format!("/sign-in/{}", page.flow())).await.unwrap()
}

fn left(done: Result<Page, Callback>) -> Callback {
    match done {
        Ok(_) => panic!("still on a page"),
        Err(callback) => callback,
    }
}

#[tokio::test]
async fn t9_1_a_page_waits_until_the_phone_has_answered() {
    let scene = scene(policy("off"), 1).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    page.has("Approve on your phone").has("A phone");
    // Pressed too early, it is the same page.
    browser.press(&page, "poll", &[]).await.unwrap().has("Approve on your phone");
    scene.alice.phone().approve_the_question().await;
    let page = again(&mut browser, &page).await;
    page.has("There is an answer");
    let callback = left(browser.press(&page, "poll", &[]).await);
    let tokens = scene.shop.redeem(callback.get("code")).await.ok();
    assert_eq!(super::claims(&tokens)["acr"], "urn:nod:acr:device");
}

#[tokio::test]
async fn t9_15_the_page_shows_the_number() {
    let scene = scene(policy("type"), 1).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    page.has("Enter this number there:");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let number = state["numberMatching"]["value"].as_u64().unwrap();
    page.has(&format!(">{number}<"));
    let phone = scene.alice.phone();
    phone.approve_with(&phone.question().await, u32::try_from(number).unwrap()).await.ok();
    left(browser.press(&page, "poll", &[]).await).get("code");
}

#[tokio::test]
async fn t9_6_a_no_leads_back_to_the_app() {
    let scene = scene(policy("off"), 1).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    scene.alice.phone().deny_the_question().await;
    let page = browser.press(&page, "poll", &[]).await.unwrap();
    page.has("You said no");
    left(browser.press(&page, "cancel", &[]).await).error("access_denied");
}

#[tokio::test]
async fn t9_7_t9_14_who_has_not_answered_is_asked_again_or_elsewhere() {
    let scene = scene(policy("off"), 2).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    scene.world.clock.advance(seconds(41));
    let page = browser.press(&page, "poll", &[]).await.unwrap();
    page.has("You did not answer in time");
    let page = browser.press(&page, "again", &[]).await.unwrap();
    page.has("Approve on your phone");
    assert_eq!(scene.alice.phones[0].pending().await.len(), 1);
    let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
    choice.has("How do you want to confirm that it is you?");
    let other = scene.alice.phones[1].device().to_string();
    let page = browser.press(&choice, "continue", &[("method", &other)]).await.unwrap();
    page.has("Approve on your phone");
    assert!(scene.alice.phones[0].pending().await.is_empty());
    scene.alice.phones[1].approve_the_question().await;
    left(browser.press(&page, "poll", &[]).await).get("code");
}

#[tokio::test]
async fn the_page_asks_which_device_where_the_policy_says_so() {
    let mut mfa = policy("off");
    mfa["device_selection"] = json!("always_display_devices");
    let scene = scene(mfa, 1).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    page.has("How do you want to confirm that it is you?");
    let page = browser.press(&page, "continue", &[("method", "nonsense")]).await.unwrap();
    page.has("This way does not work any more");
    let own = scene.alice.phone().device().to_string();
    browser.press(&page, "continue", &[("method", &own)]).await.unwrap().has("Approve on your phone");
    scene.alice.phone().approve_the_question().await;
    left(browser.press(&page, "poll", &[]).await).get("code");
}

/// Any page can send a browser here, and with a session it is at the second factor at once: nobody's phone rings for
/// that [security.md 1.14].
#[tokio::test]
async fn a_session_alone_makes_no_phone_ring() {
    let scene = scene(policy("off"), 1).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    scene.alice.phone().approve_the_question().await;
    left(browser.press(&page, "poll", &[]).await).get("code");

    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    page.has("Confirm that it is me");
    assert!(scene.alice.phone().pending().await.is_empty());
    left(browser.authorize(&scene.shop, &[("prompt", "none")]).await).error("login_required");
    assert!(scene.alice.phone().pending().await.is_empty());
    let page = browser.press(&page, "ask", &[]).await.unwrap();
    page.has("Approve on your phone");
    scene.alice.phone().approve_the_question().await;
    left(browser.press(&page, "poll", &[]).await).get("code");
}

/// [security.md case 122]
#[tokio::test]
async fn t9_12_who_is_asked_too_often_is_told_so() {
    let mut mfa = policy("off");
    mfa["push_limit"] = json!({ "count": 1 });
    let scene = scene(mfa, 1).await;
    let mut browser = scene.world.browser();
    let page = scene.waiting(&mut browser).await;
    scene.world.clock.advance(seconds(41));
    let page = browser.press(&page, "poll", &[]).await.unwrap();
    browser.press(&page, "again", &[]).await.unwrap().has("You were asked too often");
    // And whoever comes anew does not get in.
    let mut another = scene.world.browser();
    another.log_in(&scene.shop, "alice", PASSWORD).await.error("access_denied");
}
