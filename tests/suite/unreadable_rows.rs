//! Rows of the outbox that nobody can read: they are thrown away, whatever they were, and not tried for ever.

use crate::admin::until;
use crate::world::World;

async fn thrown_away(kind: &str, says: &str) {
    let world = World::with().letters().start().await;
    let columns = "INSERT INTO outbox (id, kind, payload, created_at, due_at, attempts)";
    let broken = format!("{columns} VALUES (x'00112233445566778899aabbccddeeff', '{kind}', x'7b7d', 0, 0, 0)");
    world.sql(broken.leak()).await;
    until("it is thrown away", async || world.rows("outbox").await.is_empty().then_some(())).await;
    assert!(world.log().contains(says), "{}", world.log());
}

#[tokio::test]
async fn a_decision_that_nobody_can_read() {
    thrown_away("decision", "a decision cannot be read").await;
}

#[tokio::test]
async fn a_ping_that_nobody_can_read() {
    thrown_away("ping", "a ping cannot be read").await;
}

#[tokio::test]
async fn word_of_a_logout_that_nobody_can_read() {
    thrown_away("logout", "word of a logout cannot be read").await;
}

#[tokio::test]
async fn a_letter_that_nobody_can_read() {
    thrown_away("mail", "a letter cannot be read").await;
}
