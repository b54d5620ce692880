//! `/admin/v1/users/{user_id}/password`: another one is to be chosen at the next sign-in.

use reqwest::Method;
use serde_json::{Value, json};

use super::robot::{Robot, usr};
use crate::sign_in::{PASSWORD, shop_and_alice};
use crate::world::{Answer, Backing, Person, World};

const NEW: &str = "twelve green bottles";

fn password_of(person: &Person) -> String {
    format!("/admin/v1/users/{}/password", usr(person))
}

async fn demand(robot: &Robot<'_>, at: &str, tag: &str, must_change: bool) -> Answer {
    let request = robot.request(Method::PATCH, at).header("if-match", tag);
    Answer::of(request.json(&json!({ "must_change": must_change }))).await
}

#[tokio::test]
async fn f18_an_administrator_leads_the_next_sign_in_to_another_password() {
    let world = World::start().await;
    let (admin, (shop, alice)) = (world.admin().await, shop_and_alice(&world).await);
    let at = password_of(&alice);
    let before = admin.get(&at).await.ok();
    assert_eq!(before["must_change"], false);
    assert_eq!(before.as_object().unwrap().len(), 2, "nothing else is told of it: {before}");
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");

    let told = admin.patch(&at, &json!({ "must_change": true })).await.ok();
    assert_eq!(told, json!({ "must_change": true, "changed_at": before["changed_at"] }));
    assert_eq!(admin.get(&at).await.ok(), told);
    // Who is signed in stays so.
    browser.authorize(&shop, &[]).await.expect_err("back at the shop").get("code");
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    page.has("Choose a new password before you continue");
    let page = browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap();
    page.has("Your password is changed");
    let after = admin.get(&at).await.ok();
    assert_eq!(after["must_change"], false);
    assert_ne!(after["changed_at"], before["changed_at"]);
}

#[tokio::test]
async fn a_demand_can_be_waived_and_each_change_is_one_event() {
    let world = World::start().await;
    let (admin, (shop, alice)) = (world.admin().await, shop_and_alice(&world).await);
    let at = password_of(&alice);
    let watch = world.watch().await;
    for must_change in [true, true, false, false, true, false] {
        let told = admin.patch(&at, &json!({ "must_change": must_change })).await.ok();
        assert_eq!(told["must_change"], must_change);
        // What was read can be sent back.
        assert_eq!(admin.patch(&at, &told).await.ok(), told);
        assert_eq!(admin.patch(&at, &json!({})).await.ok(), told);
    }
    let events: Vec<String> = watch.events().await.into_iter().map(|event| event.action).collect();
    let (demanded, waived) = ("password.change_required", "password.change_waived");
    assert_eq!(events, [demanded, waived, demanded, waived]);
    // [RFC 7396] taken out of it, nothing is demanded.
    admin.patch(&at, &json!({ "must_change": true })).await.ok();
    assert_eq!(admin.patch(&at, &json!({ "must_change": null })).await.ok()["must_change"], false);
    world.browser().log_in(&shop, "alice", PASSWORD).await.get("code");
}

#[tokio::test]
async fn rfc9110_13_1_1_a_password_that_was_chosen_meanwhile_is_left_alone() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).nodes(2).start().await;
        let (one, other) = (world.admin().await, world.robot("other", "nod:users:write").await.at(1));
        let (_shop, alice) = shop_and_alice(&world).await;
        let at = password_of(&alice);
        let tag = async || one.get(&at).await.header("etag").unwrap().to_owned();
        for round in 0..5 {
            let (seen, must_change) = (tag().await, round % 2 == 0);
            let both = tokio::join!(demand(&one, &at, &seen, must_change), demand(&other, &at, &seen, must_change));
            let (won, lost) = if both.0.status == 200 { (&both.0, &both.1) } else { (&both.1, &both.0) };
            assert_eq!(won.status, 200, "{}", won.text());
            lost.admin_problem(412, "precondition_failed");
            assert_eq!(won.header("etag"), Some(tag().await.as_str()));
        }
        // Alice has chosen another one since.
        let seen = tag().await;
        let mut browser = world.browser();
        world.clock.advance(std::time::Duration::from_secs(2));
        let page = browser.open("/ext/pwdchange/Identify").await.unwrap();
        let page = browser.press(&page, "continue", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
        browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
        demand(&one, &at, &seen, true).await.admin_problem(412, "precondition_failed");
        assert_eq!(demand(&one, &at, "*", true).await.ok()["must_change"], true);
    }
}

#[tokio::test]
async fn what_cannot_be_demanded_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let (admin, (_shop, alice)) = (world.admin().await, shop_and_alice(&world).await);
    let (at, without) = (password_of(&alice), world.user("without").await);
    let watch = world.watch().await;
    for body in [json!({ "must_change": "yes" }), json!({ "password": NEW })] {
        admin.patch(&at, &body).await.admin_problem(400, "invalid_request");
    }
    let dated = admin.patch(&at, &json!({ "changed_at": "2026-01-01T00:00:00Z" })).await;
    dated.admin_problem(422, "validation_failed");
    assert_eq!(dated.json()["errors"][0]["code"], "read_only");
    let nobody = "/admin/v1/users/usr_0000000000000000000000000z/password".to_owned();
    for at in [password_of(&without), nobody] {
        admin.get(&at).await.admin_problem(404, "not_found");
        admin.patch(&at, &json!({ "must_change": true })).await.admin_problem(404, "not_found");
    }
    watch.nothing_changed("a demand that cannot be").await;
    let events = watch.events().await;
    assert!(events.iter().all(|event| event.result == "refused"), "{events:?}");
    // A password by an administrator is no member at all.
    let read: Value = admin.get(&at).await.ok();
    assert!(read.get("password").is_none() && !read.to_string().contains("argon2"), "{read}");
}
