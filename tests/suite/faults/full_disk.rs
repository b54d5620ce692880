//! The disk is full (`docs/spec.md`, F16): for a file that may not be written to, it is the same to a node.

use std::time::Duration;

use nod::domain::audit::Action;

use super::{AT_ONCE, Scene};
use crate::backends::Redis;
use crate::nodes::{Pending, Site, Sql, get, send, until, volley};

/// What has to be written is refused in time and what only reads goes on, where it needs no file; when there is room
/// again, all of it is done once, by the same nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a_full_disk_is_a_clear_503_and_ends_with_it() {
    for pending in [Pending::Embedded, Pending::Redis(Redis::shared())] {
        let scene = Scene::new(Sql::Sqlite, pending).await;
        let (waiting, approved) = (scene.question(0).await, scene.approved(1).await);
        scene.site.facts.come_to_rest(approved.request).await;
        scene.nodes.iter().for_each(|node| node.may_write(false));
        for _ in 0..3 {
            let requests = [
                (scene.at(0), scene.phone.approve(&waiting.shown)),
                (scene.at(1), scene.phone.approve(&waiting.shown)),
                (scene.at(0), scene.shop.poll(&approved.id)),
            ];
            for answer in volley(requests.into()).await {
                let answer = answer.expect("an answer");
                assert_eq!(answer.status, 503, "{answer:?}");
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                assert!(answer.took < AT_ONCE, "{answer:?}");
            }
        }
        for (n, node) in scene.nodes.iter().enumerate() {
            assert_eq!(node.liveness().await, Some(200));
            for path in ["/.well-known/openid-configuration", "/pf/JWKS"] {
                assert_eq!(send(scene.at(n), &get(path)).await.expect("an answer").status, 200, "{path}");
            }
            if matches!(pending, Pending::Redis(_)) {
                scene.phone.sends(scene.at(n), &scene.phone.me()).await.is(200, "");
            }
        }
        assert_eq!(scene.site.facts.decision(waiting.request).await, None, "what was refused was not done");
        assert_eq!(scene.site.facts.grants(approved.request).await, 0);

        scene.nodes.iter().for_each(|node| node.may_write(true));
        // Each of them, without a new start.
        for n in 0..2 {
            let yes = until("an answer that counts", Duration::from_secs(5), || async {
                let answer = scene.phone.sends(scene.at(n), &scene.phone.approve(&waiting.shown)).await;
                (answer.status != 503).then_some(answer)
            })
            .await;
            yes.is(200, "");
            let fresh = scene.question(n).await;
            scene.phone.sends(scene.at(n), &scene.phone.approve(&fresh.shown)).await.is(200, "");
            scene.redeems(n, &fresh, false).await;
        }
        scene.redeems(0, &waiting, false).await;
        scene.redeems(1, &approved, false).await;
        for question in [&waiting, &approved] {
            scene.site.facts.come_to_rest(question.request).await;
            assert_eq!(scene.site.facts.audited(question.request, Action::RequestApproved).await, 1);
        }
        let whole = scene.site.facts.text("PRAGMA integrity_check", []).await;
        assert_eq!(whole.as_deref(), Some("ok"));
    }
}

/// Nor does a log on it hold up anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a_log_that_cannot_be_written_holds_up_nobody() {
    let mut site = Site::new(Sql::Sqlite, Pending::Embedded).await;
    site.log = Some(std::fs::File::options().write(true).open("/dev/full").expect("a disk that is always full"));
    let scene = Scene::at_site(site).await;
    for n in 0..20 {
        let question = scene.approved(n).await;
        scene.redeems(n, &question, false).await;
    }
}
