//! A store that lost its data forgets undecided requests only: what was decided, SQL knows.

use std::time::{Duration, Instant};

use nod::protocol::id::AuthReqId;
use nod::store::ephemeral::Lifetime;

use crate::world::{World, seconds};

impl World {
    /// As a Redis that came back empty.
    pub(crate) async fn forgets(&self, auth_req_id: &str) {
        let (requests, digest) = (self.parts().requests.clone(), AuthReqId::presented(auth_req_id).digest());
        self.among_servers(async move { requests.remove(&digest).await }).await.unwrap();
    }
}

#[tokio::test]
async fn f02_an_approval_outlives_the_store_and_still_gives_one_token_set() {
    let world = World::with().generous().start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask_with(&alice, &[("scope", "openid profile")]).await;
    alice.phone().approve_the_question().await;
    world.forgets(&asked.auth_req_id).await;

    bank.poll(&asked).await.refused(400, "invalid_grant");
    let tokens = shop.poll(&asked).await.ok();
    assert_eq!(tokens["scope"], "openid profile");
    shop.poll(&asked).await.refused(400, "invalid_grant");
    world.forgets(&asked.auth_req_id).await;
    shop.poll(&asked).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn f02_a_denial_and_a_withdrawal_outlive_the_store() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let denied = shop.ask(&alice).await;
    alice.phone().deny_the_question().await;
    world.forgets(&denied.auth_req_id).await;
    shop.poll(&denied).await.refused(400, "access_denied");

    let withdrawn = shop.ask(&alice).await;
    assert_eq!(shop.revoke(&withdrawn.auth_req_id, Some("auth_req_id")).await.status, 200);
    world.forgets(&withdrawn.auth_req_id).await;
    shop.poll(&withdrawn).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn f02_an_undecided_request_is_gone_and_says_so() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    world.forgets(&asked.auth_req_id).await;
    shop.poll(&asked).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn f04_a_node_that_starts_tells_decisions_to_a_store_that_came_back_with_older_state() {
    let mut world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let (requests, inboxes) = (world.parts().requests.clone(), world.parts().inboxes.clone());
    let (digest, user) = (AuthReqId::presented(&asked.auth_req_id).digest(), alice.id);
    let older =
        async move { (requests.get(&digest).await.unwrap().unwrap(), inboxes.get(&user).await.unwrap().unwrap()) };
    let (request, inbox) = world.among_servers(older).await;
    alice.phone().approve_the_question().await;
    // Its arrival is seen, and nobody has to look after it any more.
    world.clock.advance(seconds(4));
    let begin = Instant::now();
    while !world.rows("outbox").await.is_empty() {
        assert!(begin.elapsed() < seconds(3), "the decision has arrived");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let (requests, inboxes) = (world.parts().requests.clone(), world.parts().inboxes.clone());
    let takes_over = async move {
        requests.update(&digest, Lifetime::Keep, |_| (request.clone(), ())).await.unwrap().unwrap();
        inboxes.update(&user, Lifetime::Keep, |_| (inbox.clone(), ())).await.unwrap().unwrap();
    };
    world.among_servers(takes_over).await;
    assert_eq!(alice.phone().pending().await.len(), 1, "asked about what she has answered");

    world.restart().await;
    let (shop, alice) = (shop.in_world(&world), alice.in_world(&world));
    let begin = Instant::now();
    while !alice.phone().pending().await.is_empty() {
        assert!(begin.elapsed() < seconds(2), "the decision was told again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shop.poll(&asked).await.tokens();
    shop.poll(&asked).await.refused(400, "invalid_grant");
}
