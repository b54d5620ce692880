//! `Idempotency-Key`.

use reqwest::Method;
use serde_json::{Value, json};

use super::robot::Robot;
use crate::world::{Answer, Backing, World, seconds};

const USERS: &str = "/admin/v1/users";
const CLIENTS: &str = "/admin/v1/clients";

async fn post(robot: &Robot<'_>, path: &str, key: &str, body: &Value) -> Answer {
    robot.guarded(Answer::of(robot.request(Method::POST, path).header("idempotency-key", key).json(body)).await)
}

#[tokio::test]
async fn the_same_request_has_one_effect_and_the_same_answer() {
    let world = World::start().await;
    let admin = world.admin().await;
    let body = json!({ "client_name": "Shop" });
    let first = post(&admin, CLIENTS, "key-1", &body).await;
    assert_eq!(first.status, 201);
    let watch = world.watch().await;
    let again = post(&admin, CLIENTS, "key-1", &body).await;
    assert_eq!((again.status, again.json()), (201, first.json()), "the secret too");
    for name in ["etag", "location", "content-type", "cache-control"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    watch.nothing_changed("a repeated request").await;
    assert_eq!(admin.get(CLIENTS).await.ok()["items"].as_array().unwrap().len(), 2);

    post(&admin, CLIENTS, "key-1", &json!({ "client_name": "Bank" }))
        .await
        .admin_problem(422, "idempotency_key_reused");
    post(&admin, USERS, "key-1", &body).await.admin_problem(422, "idempotency_key_reused");
    let other = world.robot("other", "nod:admin").await;
    assert_eq!(post(&other, CLIENTS, "key-1", &body).await.status, 201, "another caller's key is another key");

    world.clock.advance(seconds(86_400));
    let admin = world.admin_again(&admin).await;
    let late = post(&admin, CLIENTS, "key-1", &body).await;
    assert_ne!(late.json()["client"]["client_id"], first.json()["client"]["client_id"], "after a day it is forgotten");
}

#[tokio::test]
async fn an_answer_is_not_shown_to_a_token_that_could_not_have_asked_for_it() {
    let world = World::start().await;
    let robot = world.robot("robot", "nod:clients:write nod:users:read").await;
    let body = json!({ "client_name": "Shop" });
    assert_eq!(post(&robot, CLIENTS, "key", &body).await.status, 201);
    let narrow = robot.only("nod:users:read").await;
    post(&narrow, CLIENTS, "key", &body).await.admin_problem(422, "idempotency_key_reused");
    assert_eq!(post(&robot, CLIENTS, "key", &body).await.status, 201);
}

#[tokio::test]
async fn a_refused_request_may_be_repaired_under_its_key() {
    let world = World::start().await;
    let admin = world.admin().await;
    let watch = world.watch().await;
    post(&admin, USERS, "key", &json!({ "username": "" })).await.admin_problem(422, "validation_failed");
    watch.only_a_refusal("a refused request with a key").await;
    assert_eq!(post(&admin, USERS, "key", &json!({ "username": "alice" })).await.status, 201);
    for bad in ["", " ", "a b", &"a".repeat(256)] {
        let answer = post(&admin, USERS, bad, &json!({ "username": "bob" })).await;
        assert!(bad == " " || answer.status == 400, "{bad:?} {}", answer.status);
    }
    let twice = admin.request(Method::POST, USERS).header("idempotency-key", "a").header("idempotency-key", "b");
    Answer::of(twice.json(&json!({ "username": "bob" }))).await.admin_problem(400, "invalid_request");
    // Whoever may not do it learns nothing from a key.
    let robot = world.robot("robot", "nod:users:read").await;
    post(&robot, USERS, "key", &json!({ "username": "bob" })).await.admin_problem(403, "insufficient_scope");
}

/// Two at once, and eight.
#[tokio::test]
async fn of_eight_at_once_one_has_an_effect() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).nodes(2).start().await;
        let one = world.admin().await;
        let other = one.also_at(1);
        let user = one.post(USERS, &json!({ "username": "alice" })).await.json()["id"].as_str().unwrap().to_owned();
        let path = format!("{USERS}/{user}/pairing-keys");
        let nothing = json!({});
        let calls = (0..8).map(|n| post(if n % 2 == 0 { &one } else { &other }, &path, "once", &nothing));
        let answers = futures_util::future::join_all(calls).await;
        let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!made.is_empty() && made.iter().all(|answer| answer.json() == made[0].json()), "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.admin_problem(409, "request_in_progress");
            assert_eq!(answer.retry_after(), 1);
        }
        assert_eq!(one.get("/admin/v1/pairing-keys").await.ok()["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_was_cut_off_is_not_done_twice() {
    let world = World::start().await;
    let admin = world.admin().await;
    let body = json!({ "username": "alice" });
    assert_eq!(post(&admin, USERS, "cut", &body).await.status, 201);
    // As a server leaves it that dies before it has written the answer down.
    world.sql("UPDATE idempotency SET answer_sealed = NULL").await;
    post(&admin, USERS, "cut", &body).await.admin_problem(409, "request_in_progress");
    world.clock.advance(seconds(60));
    post(&admin, USERS, "cut", &body).await.admin_problem(409, "outcome_unknown");
    assert_eq!(admin.get(USERS).await.ok()["items"].as_array().unwrap().len(), 1);
}
