//! The first administrator.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World, seconds};

const BOOTSTRAP: &str = "/admin/v1/bootstrap";

pub(crate) struct Offered {
    file: PathBuf,
    pub(crate) token: String,
    _directory: tempfile::TempDir,
}

pub(crate) async fn offer(world: &World) -> Option<Offered> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bootstrap-token");
    let (bootstrap, place) = (std::sync::Arc::clone(&world.parts().bootstrap), file.clone());
    let offered = world.among_servers(async move { bootstrap.offer(&place).await }).await.unwrap();
    offered.then(|| {
        let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        world.guard(&token);
        Offered { file, token, _directory: directory }
    })
}

async fn begin(world: &World, node: usize, token: &str, body: &Value) -> Answer {
    Answer::of(world.at(node).request(Method::POST, BOOTSTRAP).bearer_auth(token).json(body)).await
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let world = World::start().await;
    let offered = offer(&world).await.expect("a token");
    let mode = std::fs::metadata(&offered.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");

    let made = begin(&world, 0, &offered.token, &json!({ "client_id": "root" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["client"]["scope"], "nod:admin");
    assert!(!offered.file.exists(), "the file is gone with its token");
    begin(&world, 0, &offered.token, &json!({})).await.admin_problem(401, "bootstrap_token_invalid");
    assert!(offer(&world).await.is_none(), "there is an administrator");

    let secret = made["client_secret"].as_str().unwrap();
    world.guard(secret);
    let form = [("grant_type", "client_credentials")];
    let request =
        world.request(Method::POST, crate::world::TOKEN).header("authorization", crate::world::basic("root", secret));
    let tokens = Answer::of(request.form(&form)).await.ok();
    let token = tokens["access_token"].as_str().unwrap();
    let listed = world.admin_call(Method::GET, "/admin/v1/clients", Some(token)).await.ok();
    assert_eq!(listed["items"][0]["client_id"], "root");
}

#[tokio::test]
async fn a_bootstrap_token_lives_for_a_day() {
    let world = World::start().await;
    let old = offer(&world).await.expect("a token");
    world.clock.advance(seconds(86_400));
    begin(&world, 0, &old.token, &json!({})).await.admin_problem(401, "bootstrap_token_invalid");
    let new = offer(&world).await.expect("another token, at the next start");
    assert_eq!(begin(&world, 0, &new.token, &json!({})).await.status, 201);
}

#[tokio::test]
async fn whoever_has_no_bootstrap_token_makes_nobody() {
    let world = World::start().await;
    let offered = offer(&world).await.expect("a token");
    let watch = world.watch().await;
    world.admin_call(Method::POST, BOOTSTRAP, None).await.admin_problem(415, "unsupported_media_type");
    let none = Answer::of(world.request(Method::POST, BOOTSTRAP).json(&json!({}))).await;
    none.admin_problem(401, "token_required");
    begin(&world, 0, "wrong", &json!({})).await.admin_problem(401, "bootstrap_token_invalid");
    begin(&world, 0, &offered.token, &json!({ "client_id": "../x" })).await.admin_problem(422, "validation_failed");
    begin(&world, 0, &offered.token, &json!({ "scope": "x" })).await.admin_problem(400, "invalid_request");
    watch.nothing_changed("refused bootstraps").await;
    assert!(offered.file.exists());
}

#[tokio::test]
async fn a_bootstrap_token_is_worth_nothing_once_there_is_an_administrator() {
    let world = World::start().await;
    let offered = offer(&world).await.expect("a token");
    // Made by a command, while the token lay there.
    world.admin().await;
    begin(&world, 0, &offered.token, &json!({})).await.admin_problem(401, "bootstrap_token_invalid");
}

/// R22
#[tokio::test]
async fn of_eight_that_come_at_once_one_is_the_first() {
    for backing in [crate::world::Backing::Sqlite, crate::world::Backing::Postgres] {
        let world = World::with().backing(backing).nodes(2).start().await;
        // A token of each start: all of them are for one administrator.
        let (one, other) = (offer(&world).await.expect("a token"), offer(&world).await.expect("a token"));
        let calls = (0..8).map(|n| {
            let (world, token) = (&world, if n % 4 < 2 { &one.token } else { &other.token });
            async move { begin(world, n % 2, token, &json!({})).await }
        });
        let answers = futures_util::future::join_all(calls).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 1, "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 401)), "{answers:?}");
        let dump = world.dump().await;
        assert_eq!(dump.matches("nod:admin").count(), 1, "one client");
        assert!(!dump.contains("bootstrap_token: digest"), "and no token that is left");
    }
}
