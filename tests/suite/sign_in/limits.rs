//! How many flows one network, and one browser, may have.

use nod::usecase::sign_in::limit_flows::MostFlows;
use serde_json::json;

use super::device_grant;
use super::flow_api::{app, id};
use super::{PASSWORD, refused, shop_and_alice};
use crate::world::{AUTHORIZE, Answer, FLOWS, World, asked, limited, seconds};

async fn strict() -> World {
    let most = MostFlows { begun: 3, missed: 4, of_browser: 2 };
    World::with().letters().settings(move |settings| settings.flows = most).start().await
}

fn too_many(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")), "{}", answer.text());
}

#[tokio::test]
async fn security_5_6_a_network_begins_so_many_flows_a_minute() {
    let world = strict().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    for _ in 0..3 {
        browser.authorize(&shop, &[]).await.unwrap().has("name=\"password\"");
    }
    // Another browser is no other network.
    let mut browser = world.browser();
    let watch = world.watch().await;
    let before = limited("flows");
    too_many(&browser.authorize(&shop, &[]).await.unwrap().answer);
    assert!(limited("flows") > before, "whoever watches the limit sees it");
    watch.only_a_refusal("a flow too many").await;
    world.clock.advance(seconds(61));
    let page = browser.authorize(&shop, &[]).await.unwrap();
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
    // Whoever is signed in begins none, however often.
    for _ in 0..5 {
        browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().get("code");
    }
}

#[tokio::test]
async fn security_5_6_flows_of_applications_devices_and_errands_are_counted_with_them() {
    let world = strict().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    phone.flow(&app, &[]).await;
    for way in ["/ext/pwdchange/Identify", "/ext/pwdreset/Identify"] {
        assert_eq!(phone.open(way).await.unwrap().answer.status, 200, "{way}");
    }
    for way in ["/ext/pwdchange/Identify", "/ext/pwdreset/Identify"] {
        too_many(&phone.open(way).await.unwrap().answer);
    }
    let flow = phone.get(&format!("{AUTHORIZE}?{}", asked(&app, &[("response_mode", "pi.flow")]))).await;
    for answer in [flow, device_grant::begun_without_page(&mut phone, &app).await] {
        too_many(&answer);
        let told = answer.json();
        assert_eq!((&told["status"], &told["code"]), (&json!("FAILED"), &json!("temporarily_unavailable")));
    }
    world.clock.advance(seconds(61));
    phone.flow(&app, &[]).await;
    device_grant::begun_without_page(&mut phone, &app).await.ok();
}

#[tokio::test]
async fn security_5_6_a_code_of_a_device_begins_no_flow_too_many() {
    let world = strict().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let tv = device_grant::tv(&world).await;
    let mut browser = world.browser();
    for _ in 0..3 {
        browser.authorize(&shop, &[]).await.unwrap();
    }
    let waiting = device_grant::asks(&tv, &world).await;
    let code = device_grant::code(&waiting);
    too_many(&device_grant::types(&mut browser, code).await.answer);
    world.clock.advance(seconds(61));
    device_grant::types(&mut browser, code).await.has("value=\"connect\"");
}

#[tokio::test]
async fn security_5_6_in_a_browser_the_oldest_flow_makes_room() {
    let world = strict().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let (mut browser, mut other) = (world.browser(), world.browser());
    let others = other.authorize(&shop, &[]).await.unwrap();
    let first = browser.open("/ext/pwdchange/Identify").await.unwrap();
    let second = browser.authorize(&shop, &[]).await.unwrap();
    world.clock.advance(seconds(61));
    let third = browser.authorize(&shop, &[]).await.unwrap();
    let at = |page: &crate::world::Page| page.path.clone();
    assert_eq!(browser.get(&at(&first)).await.status, 400);
    for page in [&second, &third] {
        assert_eq!(browser.get(&at(page)).await.status, 200);
    }
    let fourth = browser.authorize(&shop, &[]).await.unwrap();
    assert_eq!(browser.get(&at(&second)).await.status, 400);
    assert_eq!(browser.get(&at(&third)).await.status, 200);
    browser.sign_in(&fourth, "alice", PASSWORD).await.unwrap_err().get("code");
    // Another browser has room of its own.
    assert_eq!(other.get(&at(&others)).await.status, 200);
}

#[tokio::test]
async fn security_129_guessing_flows_is_limited_and_keeps_nobody_out() {
    let world = strict().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let own = id(&phone.flow(&app, &[]).await).to_owned();
    let mut stranger = world.browser();
    let others = id(&stranger.flow(&app, &[]).await).to_owned();
    let unknown = "x".repeat(own.len());
    // [security 129] that of another browser reads like one that there is not, and is counted like it.
    for guess in [&unknown, &others] {
        let read = phone.get(&format!("{FLOWS}{guess}")).await;
        refused(&read, 404, "FLOW_NOT_FOUND", None);
        let acted = phone.act(guess, "cancel", &json!({})).await;
        refused(&acted, 404, "FLOW_NOT_FOUND", None);
        assert_eq!(read.header("referrer-policy"), Some("no-referrer"));
    }
    let watch = world.watch().await;
    for guess in [&unknown, &others] {
        for answer in [phone.get(&format!("{FLOWS}{guess}")).await, phone.act(guess, "cancel", &json!({})).await] {
            too_many(&answer);
            refused(&answer, 429, "REQUEST_FAILED", None);
        }
    }
    let before = limited("flow_misses");
    too_many(&phone.get("/sign-in/nothing").await);
    assert!(limited("flow_misses") > before, "whoever watches the limit sees it");
    watch.nothing_changed("guesses").await;
    // Whoever has a flow has it, also next door to those who guess.
    assert_eq!(phone.get(&format!("{FLOWS}{own}")).await.ok()["status"], "USERNAME_PASSWORD_REQUIRED");
    stranger.password(&others, "alice", PASSWORD).await.ok();
    world.clock.advance(seconds(61));
    refused(&phone.get(&format!("{FLOWS}{unknown}")).await, 404, "FLOW_NOT_FOUND", None);
}
