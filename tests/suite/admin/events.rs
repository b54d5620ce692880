//! `GET /admin/v1/events`.

use std::time::Duration;

use nod::domain::profile::Profile;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::robot::Robot;
use crate::world::{Answer, World, seconds};

const EVENTS: &str = "/admin/v1/events";

struct Listening {
    response: Response,
    text: String,
}

#[derive(Debug)]
struct Heard {
    id: String,
    kind: String,
    data: Value,
}

async fn listen(robot: &Robot<'_>, query: &str, last: Option<&str>) -> Listening {
    let mut request = robot.request(Method::GET, &format!("{EVENTS}{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Listening { response, text: String::new() }
}

impl Listening {
    /// `None`: the stream has ended.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    lines.map(str::trim).collect::<String>()
                };
                let heard = Heard {
                    id: field("id"),
                    kind: field("event"),
                    data: serde_json::from_str(&field("data")).unwrap_or_default(),
                };
                self.text = rest.to_owned();
                if !heard.kind.is_empty() {
                    return Some(heard);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(15), self.response.chunk()).await.expect("in time");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }
}

#[tokio::test]
async fn what_happens_is_heard_and_nothing_is_missed() {
    let world = World::start().await;
    let admin = world.admin().await;
    // Not of the tokens, which are told of when they are.
    let ours = "?types=user.created,client.created,client.deleted";
    let mut all = listen(&admin, ours, None).await;
    let ready = all.next().await.unwrap();
    assert_eq!(ready.kind, "ready");
    admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    admin.post("/admin/v1/clients", &json!({ "client_id": "shop" })).await;
    // It was refused: nobody is told.
    admin.post("/admin/v1/clients", &json!({ "client_id": "shop" })).await;
    admin.delete("/admin/v1/clients/shop").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(all.next().await.unwrap());
    }
    let kinds: Vec<&str> = heard.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["user.created", "client.created", "client.deleted"]);
    assert_eq!(heard[1].data["client_id"], "shop");
    assert_eq!(heard[1].data["type"], "client.created");
    let listed = admin.get("/admin/v1/audit?type=client.created&client_id=shop").await.ok();
    assert_eq!(listed["items"][0], heard[1].data, "the same event everywhere");

    let mut resumed = listen(&admin, ours, Some(&heard[0].id)).await;
    assert_eq!(resumed.next().await.unwrap().kind, "ready");
    assert_eq!(resumed.next().await.unwrap().kind, "client.created");
    assert_eq!(resumed.next().await.unwrap().kind, "client.deleted");
    let mut few = listen(&admin, "?types=client.deleted,user.deleted", Some(&ready.id)).await;
    assert_eq!(few.next().await.unwrap().kind, "ready");
    assert_eq!(few.next().await.unwrap().kind, "client.deleted");

    admin.get(&format!("{EVENTS}?types=everything")).await.admin_problem(400, "invalid_request");
    let forged = admin.request(Method::GET, EVENTS).header("last-event-id", "7");
    Answer::of(forged).await.admin_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn so_many_streams_and_no_more_until_one_ends() {
    let world = World::start().await;
    let admin = world.admin().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(listen(&admin, "", None).await);
    }
    let answer = admin.get(EVENTS).await;
    answer.admin_problem(429, "too_many_requests");
    assert_eq!(answer.retry_after(), 5);
    let other = world.robot("other", "nod:events:read").await;
    drop(listen(&other, "", None).await);
    open.pop();
    super::until("a place", async || {
        let response = admin.request(Method::GET, EVENTS).send().await.unwrap();
        (response.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let world = World::start().await;
    let admin = world.admin().await;
    let mut all = listen(&admin, "", None).await;
    assert_eq!(all.next().await.unwrap().kind, "ready");
    world.shut_down(0);
    while all.next().await.is_some() {}
    world.stopped(0).await;
}

/// It is looked at every ten seconds; until then, what happened before is told.
async fn ends(mut stream: Listening) {
    let begin = std::time::Instant::now();
    while stream.next().await.is_some() {}
    assert!(begin.elapsed() < Duration::from_secs(13));
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::start().await;
    let admin = world.admin().await;
    let mut all = listen(&admin, "", None).await;
    assert_eq!(all.next().await.unwrap().kind, "ready");
    world.clock.advance(seconds(600));
    ends(all).await;
}

/// [FAPI 2 §5.3.2.1] as at each call, where the client is held to more meanwhile.
#[tokio::test]
async fn fapi2_5_3_2_1_a_stream_ends_where_its_bearer_token_is_worth_nothing() {
    let world = World::start().await;
    let admin = world.admin().await;
    let mut all = listen(&admin, "", None).await;
    assert_eq!(all.next().await.unwrap().kind, "ready");
    admin.client.update(|client| client.security_profile = Some(Profile::Fapi2Security)).await;
    ends(all).await;
}
