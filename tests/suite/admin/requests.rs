//! `/admin/v1/requests`.

use serde_json::{Value, json};

use super::robot::usr;
use crate::world::{World, seconds};

const REQUESTS: &str = "/admin/v1/requests";

fn by_status(page: &Value, status: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.filter(|item| item["status"] == status).map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_became_of_every_request_is_told() {
    let world = World::with().generous().start().await;
    let admin = world.admin().await;
    let (shop, alice, bob) =
        (world.client("shop").await, world.user("alice").with_phone().await, world.user("bob").await);
    let redeemed = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    shop.poll(&redeemed).await.tokens();
    let approved = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    shop.ask(&alice).await;
    alice.phone().deny_the_question().await;
    let withdrawn = shop.ask(&alice).await;
    shop.revoke(&withdrawn.auth_req_id, Some("auth_req_id")).await;
    // She has no device.
    shop.ask(&bob).await;
    shop.ask_with(&alice, &[("requested_expiry", "30")]).await;
    world.clock.advance(seconds(31));
    shop.ask(&alice).await;

    let page = super::until("all of them", async || {
        let page = admin.get(REQUESTS).await.ok();
        (page["items"].as_array().unwrap().len() == 7).then_some(page)
    })
    .await;
    for (status, count) in
        [("redeemed", 1), ("approved", 1), ("denied", 2), ("cancelled", 1), ("expired", 1), ("pending", 1)]
    {
        assert_eq!(by_status(&page, status).len(), count, "{status}: {page}");
        let filtered = admin.get(&format!("{REQUESTS}?status={status}")).await.ok();
        assert_eq!(filtered["items"].as_array().unwrap().len(), count, "{status}: {filtered}");
        assert_eq!(by_status(&filtered, status), by_status(&page, status));
        let counted = admin.get(&format!("{REQUESTS}?status={status}&count=true&limit=1")).await.ok();
        assert_eq!(counted["total"], count, "{status}: {counted}");
    }
    assert_eq!(page["items"][0]["status"], "pending", "newest first");
    assert!(page["items"][0]["expires_at"].is_string());
    assert_eq!(admin.get(&format!("{REQUESTS}?user_id={}", usr(&bob))).await.ok()["items"][0]["reason"], "no_device");
    assert_eq!(admin.get(&format!("{REQUESTS}?client_id=bank")).await.ok()["items"], json!([]));
    let late = admin.get(&format!("{REQUESTS}?created_after=2027-01-15T08:00:20Z")).await.ok();
    assert_eq!(late["items"].as_array().unwrap().len(), 1);
    for item in page["items"].as_array().unwrap() {
        let one = admin.get(&format!("{REQUESTS}/{}", item["id"].as_str().unwrap())).await;
        assert_eq!(one.ok(), *item);
    }
    let text = page.to_string();
    for secret in [&redeemed, &approved, &withdrawn] {
        assert!(!text.contains(&secret.auth_req_id), "never what the client holds");
    }
    admin.get(&format!("{REQUESTS}?user_id=bob")).await.admin_problem(400, "invalid_request");
    admin.get(&format!("{REQUESTS}?created_after=yesterday")).await.admin_problem(400, "invalid_request");
    admin.get(&format!("{REQUESTS}/req_0000000000000000000000000z")).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn a_cancelled_request_leaves_the_phone_and_its_client_is_refused() {
    let world = World::start().await;
    let (admin, shop, alice) =
        (world.admin().await, world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let id =
        super::until("the request", async || by_status(&admin.get(REQUESTS).await.ok(), "pending").first().cloned())
            .await;
    assert_eq!(alice.phone().pending().await.len(), 1);
    let cancelled = admin.act(&format!("{REQUESTS}/{id}/cancel")).await.ok();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(alice.phone().pending().await.is_empty(), "the phone shows it no more");
    shop.poll(&asked).await.refused(400, "invalid_grant");
    admin.act(&format!("{REQUESTS}/{id}/cancel")).await.admin_problem(409, "already_decided");
    let events = admin.get("/admin/v1/audit?type=request.cancelled").await.ok();
    assert_eq!(events["items"][0]["actor"], "client:root", "whose hand it was");
}

#[tokio::test]
async fn the_list_comes_in_parts() {
    let world = World::with().generous().start().await;
    let (admin, shop, alice) =
        (world.admin().await, world.client("shop").await, world.user("alice").with_phone().await);
    for _ in 0..7 {
        shop.ask(&alice).await;
    }
    let whole = super::until("all of them", async || {
        let page = admin.get(REQUESTS).await.ok();
        (page["items"].as_array().unwrap().len() == 7).then_some(page)
    })
    .await;
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{REQUESTS}?limit=3{cursor}")).await.ok();
        items.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        // A cursor is for the list that gave it.
        let other = admin.get(&format!("{REQUESTS}?status=pending&limit=3{cursor}")).await;
        other.admin_problem(400, "invalid_cursor");
    }
    assert_eq!(json!(items), whole["items"]);
}
