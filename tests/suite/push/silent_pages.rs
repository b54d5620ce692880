//! The same in a web view: our own page looks by itself whether the app has answered (flows.md F7, T7.2).

use serde_json::json;

use super::double::Reply;
use super::silent::{Silent, evaluated, policy};
use super::unregistered;
use crate::device_trust::PASSWORD;
use crate::world::{Browser, Callback, Page, seconds};

/// The page that an app has opened, once the person has given their password.
async fn waits(silent: &Silent, browser: &mut Browser) -> Page {
    let opened = silent.scene.opened(browser, &silent.phone.payload(|_| {})).await.expect("a page");
    let page = browser.sign_in(&opened, "alice", PASSWORD).await.expect("a page that waits");
    page.has("Checking your app").has("silent.js").has("id=\"silent\"");
    page
}

fn left(done: Result<Page, Callback>) -> Callback {
    match done {
        Ok(_) => panic!("still on a page"),
        Err(callback) => callback,
    }
}

/// What the script of the page does.
async fn looks(browser: &mut Browser, page: &Page) -> Result<Page, Callback> {
    browser.press(page, "poll", &[]).await
}

#[tokio::test]
async fn t7_2_an_app_in_a_web_view_answers_and_nobody_does_anything() {
    for mode in ["permissive", "restrictive"] {
        let silent = Silent::start(policy(mode)).await;
        let mut browser = silent.scene.world.browser();
        let page = waits(&silent, &mut browser).await;
        let page = looks(&mut browser, &page).await.expect("it is not answered yet");
        page.has("Checking your app");
        silent.acknowledges(&silent.pushed().await).await;
        let callback = left(looks(&mut browser, &page).await);
        assert_eq!(silent.scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");
        // With the session, from the request to the answer, it is that page alone.
        let payload = silent.phone.payload(|_| {});
        let page = silent.scene.opened(&mut browser, &payload).await.expect("a page that waits");
        silent.services.fcm.takes(2).await;
        silent.acknowledges(&silent.pushed().await).await;
        let callback = left(looks(&mut browser, &page).await);
        assert_eq!(silent.scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");
    }
}

#[tokio::test]
async fn t7_2_without_an_answer_the_policy_says_what_comes_of_it() {
    let silent = Silent::start(policy("permissive")).await;
    let watch = silent.scene.world.watch().await;
    let mut browser = silent.scene.world.browser();
    let page = waits(&silent, &mut browser).await;
    silent.pushed().await;
    silent.scene.world.clock.advance(seconds(7));
    let callback = left(looks(&mut browser, &page).await);
    assert_eq!(silent.scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");
    assert_eq!(evaluated(&watch).await, ["extra_verification", "extra_verification_skipped"]);

    let silent = Silent::start(policy("restrictive")).await;
    let mut browser = silent.scene.world.browser();
    let page = waits(&silent, &mut browser).await;
    silent.pushed().await;
    silent.scene.world.clock.advance(seconds(7));
    left(looks(&mut browser, &page).await).error("access_denied");
}

#[tokio::test]
async fn t7_2_a_phone_that_is_gone_is_offered_anew() {
    let silent = Silent::start(policy("restrictive")).await;
    {
        let admin = silent.scene.world.robot("unpairing", "nod:admin").await;
        let change = json!({ "automatic_unpairing": true });
        admin.patch("/admin/v1/native-applications/shop-app", &change).await.ok();
    }
    silent.services.fcm.will([Reply::Says(404, unregistered())]);
    let mut browser = silent.scene.world.browser();
    let page = waits(&silent, &mut browser).await;
    crate::admin::until("it is unpaired", async || silent.scene.world.rows("device").await.is_empty().then_some(()))
        .await;
    let callback = crate::admin::until("the page goes on", async || looks(&mut browser, &page).await.err()).await;
    let claims = silent.scene.claims(&callback).await;
    let told = (&claims["acr"], &claims["device_enrollment"]["offered"]);
    assert_eq!(told, (&json!("urn:nod:acr:password"), &json!(true)));
}
