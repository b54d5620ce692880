//! Names of stores that do not resolve (`docs/spec.md`, F32): a store that is away, and nothing worse.

use std::time::Duration;

use super::AT_ONCE;
use crate::backends::Redis;
use crate::nodes::{Pending, Site, Sql, get, send, until};

/// [RFC 6761 §6.4] nobody has it.
const NOWHERE: &str = "redis.invalid";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f32_a_redis_whose_name_does_not_resolve_is_one_that_is_away() {
    let mut site = Site::new(Sql::Sqlite, Pending::Redis(Redis::shared())).await;
    let shop = site.relying_party("shop", false).await;
    site.person("alice").await;
    site.nodes_go_to_redis_at(NOWHERE);
    site.settings = "danger.plain_redis = true".to_owned();
    let node = site.start(None);
    until("a node that runs", Duration::from_secs(30), || async { (node.liveness().await == Some(200)).then_some(()) })
        .await;
    for _ in 0..3 {
        assert_eq!(node.readiness().await, Some(503));
        for request in [shop.ask("alice", &[]), shop.poll("unknown"), shop.refresh("unknown")] {
            let answer = send(node.public, &request).await.expect("an answer");
            assert_eq!((answer.status, answer.code()), (503, "temporarily_unavailable"), "{answer:?}");
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            assert!(answer.took < AT_ONCE, "{answer:?}");
        }
        let known = send(node.public, &get("/.well-known/openid-configuration")).await.expect("an answer");
        assert_eq!(known.status, 200, "{known:?}");
    }
}
