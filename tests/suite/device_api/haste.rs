//! A yes that comes faster than anybody reads.

use std::time::Duration;

use nod_device::DenyReason;

use crate::admin::until;
use crate::world::{World, seconds};

/// [security.md 125] It counts, and whoever looks after the audit trail sees that nobody can have read the question.
#[tokio::test]
async fn security_125_a_yes_that_comes_faster_than_anybody_reads_is_flagged() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for (waits, flag) in [(0, Some("too_fast")), (299, Some("too_fast")), (300, None)] {
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        world.clock.advance(Duration::from_millis(waits));
        let watch = world.watch().await;
        alice.phone().approve(&question).await.ok();
        let approved = until("the answer in the trail", async || {
            watch.events().await.into_iter().find(|event| event.action == "request.approved")
        })
        .await;
        assert_eq!((approved.result.as_str(), approved.reason.as_deref()), ("done", flag), "after {waits} ms");
        shop.poll(&asked).await.tokens();
        world.clock.advance(seconds(10));
    }
    // A no that comes fast keeps nobody out who should get in.
    shop.ask(&alice).await;
    let question = alice.phone().question().await;
    let watch = world.watch().await;
    alice.phone().deny(&question, DenyReason::None).await.ok();
    let denied = until("the answer in the trail", async || {
        watch.events().await.into_iter().find(|event| event.action == "request.denied")
    })
    .await;
    assert!(denied.reason.as_deref() != Some("too_fast"), "{denied:?}");
}
