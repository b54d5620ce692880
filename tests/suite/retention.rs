//! What the worker forgets, and when; and what it keeps.

use std::time::{Duration, Instant};

use crate::world::{World, seconds};

const DAY: u64 = 86_400;

impl World {
    /// How many rows of a table have this text in them.
    async fn how_many(&self, table: &str, text: &str) -> usize {
        self.rows(table).await.iter().filter(|row| row.contains(text)).count()
    }

    /// Days go by, and the worker of a node that starts comes to its first round.
    async fn some_days_later(&mut self, days: u64) {
        self.clock.advance(seconds(days * DAY));
        self.restart().await;
    }

    async fn comes_to_forget(&self, table: &str, text: &str, left: usize) {
        let begin = Instant::now();
        while self.how_many(table, text).await > left {
            assert!(begin.elapsed() < seconds(3), "{text} in {table} is forgotten");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(self.how_many(table, text).await, left, "{text} in {table}");
    }
}

#[tokio::test]
async fn security_5_9_what_is_old_is_forgotten_and_the_rest_is_kept() {
    let mut world = World::start().await;
    let (shop, alice) = (world.client("shop").opaque().refresh().await, world.user("alice").with_phone().await);
    shop.log_in(&alice).await;
    shop.poll_id("unknown").await.refused(400, "invalid_grant");
    alice.pairing_key().await;
    assert_eq!(world.how_many("access_token", "grant_id=").await, 1);

    // A pairing key is kept a day after its end; a token until its end.
    world.some_days_later(1).await;
    let (shop, alice) = (shop.in_world(&world), alice.in_world(&world));
    world.comes_to_forget("access_token", "grant_id=", 0).await;
    assert_eq!(world.how_many("pairing_key", "digest=").await, 2, "the one that made her phone, and the other");
    shop.poll_id("unknown too").await.refused(400, "invalid_grant");
    alice.pairing_key().await;
    world.clock.advance(seconds(1200));
    world.some_days_later(0).await;
    world.comes_to_forget("pairing_key", "digest=", 1).await;
    assert_eq!(world.how_many("audit", "result=refused").await, 2);

    // A refusal is kept for thirty days, what was done for four hundred.
    let done = world.how_many("audit", "result=done").await;
    world.some_days_later(29).await;
    world.comes_to_forget("audit", "result=refused", 1).await;
    world.comes_to_forget("pairing_key", "digest=", 0).await;
    assert_eq!(world.how_many("audit", "action=request.approved").await, 1);
    assert!(world.how_many("audit", "result=done").await >= done);
    // A used refresh token would be noticed until its absolute end.
    assert_eq!(world.how_many("refresh_token", "digest=").await, 1);
    world.some_days_later(61).await;
    world.comes_to_forget("refresh_token", "digest=", 0).await;
    let (shop, alice) = (shop.in_world(&world), alice.in_world(&world));
    shop.log_in(&alice).await;

    world.some_days_later(310).await;
    world.comes_to_forget("audit", "action=request.approved", 1).await;
    // Decisions with their evidence, and grants, stay.
    assert_eq!(world.how_many("decision", "outcome=").await, 2);
    assert_eq!(world.how_many("token_grant", "request_id=").await, 2);
}
