//! Redis is there, and late (`docs/spec.md`, F7).

use std::time::{Duration, Instant};

use crate::backends::Redis;
use crate::faults::{AT_ONCE, Scene};
use crate::nodes::{Answer, Held, Pending, Site, Slow, Sql, send, until, volley};

const CROWD: usize = 12;

/// Each command takes so long, and what is asked takes a few of them one after the other.
const LATE: Duration = Duration::from_millis(150);

/// Longer than anybody waits for a command.
const TOO_LATE: Duration = Duration::from_millis(700);

/// What is asked of a slow store is answered in time.
const IN_TIME: Duration = Duration::from_millis(1500);

#[track_caller]
fn in_time(answers: Vec<std::io::Result<Answer>>) -> Vec<Answer> {
    let answers: Vec<Answer> = answers.into_iter().map(|answer| answer.expect("an answer")).collect();
    for answer in &answers {
        assert!(answer.took < IN_TIME, "{:?}: {answer:?}", answer.took);
    }
    answers
}

async fn scene() -> (Scene, Slow) {
    let redis = Redis::shared();
    let line = Slow::before(redis.address()).await;
    let mut site = Site::new(Sql::Sqlite, Pending::Redis(redis)).await;
    site.nodes_go_to_redis_through(&line);
    (Scene::at_site(site).await, line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_slow_redis_makes_answers_late_and_starves_nobody() {
    let (scene, line) = scene().await;
    let patient = scene.site.relying_party("patient", true).await;
    let held = until("a known client", Duration::from_secs(2), || async {
        let answer = send(scene.at(0), &patient.ask("alice", &[])).await.expect("an answer");
        (answer.status == 200).then(|| answer.text("auth_req_id").to_owned())
    })
    .await;
    let question = scene.phone.question(scene.at(1)).await;
    line.takes(LATE);
    let mut poll = Held::new(scene.at(0), &patient.poll(&held)).await.expect("a node that accepts");
    poll.release().expect("an open connection");

    // The whole way of many at once, while one waits.
    let asked = in_time(volley((0..CROWD).map(|n| (scene.at(n), scene.shop.ask("alice", &[]))).collect()).await);
    let ids: Vec<&str> = asked.iter().map(|answer| answer.is(200, "").text("auth_req_id")).collect();
    let polls = |n: usize| (scene.at(n), scene.shop.poll(ids[n]));
    for answer in in_time(volley((0..CROWD).map(polls).collect()).await) {
        answer.is(400, "authorization_pending");
    }
    let shown = scene.phone.pending(scene.at(1)).await;
    let asked = shown.iter().filter(|one| one.notification_id != question.notification_id);
    let yes = asked.enumerate().map(|(n, question)| (scene.at(n), scene.phone.approve(question)));
    let yes = in_time(volley(yes.collect()).await);
    assert_eq!(yes.len(), CROWD);
    for answer in &yes {
        answer.is(200, "");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for answer in in_time(volley((0..CROWD).map(polls).collect()).await) {
        answer.is(200, "");
    }
    for node in &scene.nodes {
        assert_eq!((node.liveness().await, node.readiness().await), (Some(200), Some(200)));
    }
    // Whoever waited hears of it as fast as the store can tell.
    let begin = Instant::now();
    scene.phone.sends(scene.at(1), &scene.phone.approve(&question)).await.is(200, "");
    poll.answer().await.expect("an answer").is(200, "");
    assert!(begin.elapsed() < 2 * IN_TIME, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_redis_that_is_too_slow_is_a_clear_503_and_what_arrives_late_does_no_harm() {
    let (scene, line) = scene().await;
    let mut waiting = Vec::new();
    for n in 0..4 {
        waiting.push(scene.question(n).await);
    }
    line.takes(TOO_LATE);
    for _ in 0..2 {
        let yes = waiting.iter().enumerate().map(|(n, question)| (scene.at(n), scene.phone.approve(&question.shown)));
        let polls = waiting.iter().enumerate().map(|(n, question)| (scene.at(n), scene.shop.poll(&question.id)));
        let asks = (0..4).map(|n| (scene.at(n), scene.shop.ask("alice", &[])));
        for answer in volley(yes.chain(polls).chain(asks).collect()).await {
            let answer = answer.expect("an answer");
            assert!(answer.took < AT_ONCE, "{:?}: {answer:?}", answer.took);
            assert_eq!(answer.status, 503, "{answer:?}");
            assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
        }
    }
    line.takes(Duration::ZERO);
    for (n, question) in waiting.iter().enumerate() {
        let yes = until("service", Duration::from_secs(3), || async {
            let answer = scene.phone.sends(scene.at(n), &scene.phone.approve(&question.shown)).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        yes.is(200, "");
        scene.redeems(n, question, false).await;
    }
}
