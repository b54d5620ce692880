//! Redis is there, and late (`docs/spec.md`, F7).

use std::time::Duration;

use crate::backends::Redis;
use crate::faults::{AT_ONCE, Scene};
use crate::nodes::{Pending, Site, Slow, Sql, until, volley};

/// Longer than anybody waits for a command.
const TOO_LATE: Duration = Duration::from_millis(700);

async fn scene() -> (Scene, Slow) {
    let redis = Redis::shared();
    let line = Slow::before(redis.address()).await;
    let mut site = Site::new(Sql::Sqlite, Pending::Redis(redis)).await;
    site.nodes_go_to_redis_at(&line.at.to_string());
    (Scene::at_site(site).await, line)
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
