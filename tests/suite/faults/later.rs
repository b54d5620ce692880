//! It is later than a node thinks: all nodes were suspended (`docs/spec.md`, F27), or the database is one from before
//! (F31).

use std::time::Duration;

use super::Scene;
use crate::backends::Redis;
use crate::nodes::{Held, Node, Pending, Sql, send};

/// How long the nodes stand still; the question is good for less.
const SUSPENDED: Duration = Duration::from_secs(6);

/// What came to its end meanwhile has ended, also for what had arrived at a node before its time was over; everything
/// else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f27_what_ended_while_all_nodes_were_suspended_has_ended() {
    for pending in [Pending::Embedded, Pending::Redis(Redis::shared())] {
        let scene = Scene::new(Sql::Sqlite, pending).await;
        let approved = scene.approved(0).await;
        let short = scene.shop.asks(scene.at(0), "alice", &[("requested_expiry", "5")]).await;
        let question = scene.phone.question(scene.at(0)).await;
        let request = scene.site.facts.request(&short).await.expect("a request").id;
        let lasting = scene.question(1).await;

        scene.nodes.iter().for_each(|node| node.signal("-STOP"));
        let mut yes = Held::new(scene.at(0), &scene.phone.approve(&question)).await.expect("a place to wait in");
        let mut poll = Held::new(scene.at(1), &scene.shop.poll(&short)).await.expect("a place to wait in");
        yes.release().expect("an open connection");
        poll.release().expect("an open connection");
        tokio::time::sleep(SUSPENDED).await;
        scene.nodes.iter().for_each(|node| node.signal("-CONT"));

        yes.answer().await.expect("an answer").is(409, "EXPIRED");
        poll.answer().await.expect("an answer").is(400, "expired_token");
        for n in 0..2 {
            scene.phone.sends(scene.at(n), &scene.phone.approve(&question)).await.is(409, "EXPIRED");
            scene.shop.polls(scene.at(n), &short).await.is(400, "expired_token");
            // It shows what is left to answer, and nothing else.
            let shown = scene.phone.question(scene.at(n)).await;
            assert_eq!(shown.notification_id, lasting.shown.notification_id);
        }
        scene.site.facts.hold(request, None, 0).await;
        scene.redeems(1, &approved, false).await;
        scene.phone.sends(scene.at(0), &scene.phone.approve(&lasting.shown)).await.is(200, "");
        scene.redeems(0, &lasting, false).await;
    }
}

/// As docs/backup.md says: what was known then is known, and whatever came since is unknown, and no error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f31_a_database_from_a_backup_knows_what_it_knew() {
    let mut scene = Scene::new(Sql::Sqlite, Pending::Embedded).await;
    let before = scene.approved(0).await;
    let first = scene.shop.polls(scene.at(0), &before.id).await;
    let first = first.is(200, "").text("refresh_token").to_owned();
    let second = send(scene.at(1), &scene.shop.refresh(&first)).await.expect("an answer");
    let second = second.is(200, "").text("refresh_token").to_owned();
    scene.site.facts.come_to_rest(before.request).await;
    let backup = scene.site.path("backup.db");
    scene.site.facts.does(&format!("VACUUM INTO '{}'", backup.display())).await;

    let since = scene.approved(1).await;
    let tokens = scene.shop.polls(scene.at(1), &since.id).await;
    let unknown = tokens.is(200, "").text("refresh_token").to_owned();
    scene.nodes.iter_mut().for_each(Node::kill);
    let ends = ["", "-wal", "-shm", "-ephemeral", "-ephemeral-wal", "-ephemeral-shm"];
    for file in ends.map(|end| scene.site.path(&format!("nod.db{end}"))) {
        // Not all of them are there whenever a node ends.
        drop(std::fs::remove_file(file));
    }
    std::fs::rename(&backup, scene.site.path("nod.db")).expect("a database");

    let node = scene.site.node().await;
    let at = node.public;
    scene.shop.polls(at, &before.id).await.is(400, "invalid_grant");
    scene.shop.polls(at, &since.id).await.is(400, "invalid_grant");
    send(at, &scene.shop.refresh(&unknown)).await.expect("an answer").is(400, "invalid_grant");
    // The phone, the keys and the chain of tokens are those of then.
    let third = send(at, &scene.shop.refresh(&second)).await.expect("an answer");
    let third = third.is(200, "").text("refresh_token").to_owned();
    let asked = scene.shop.asks(at, "alice", &[]).await;
    let question = scene.phone.question(at).await;
    scene.phone.sends(at, &scene.phone.approve(&question)).await.is(200, "");
    scene.shop.polls(at, &asked).await.is(200, "");
    let trail = scene.site.command(&["audit", "verify"]);
    assert!(trail.status.success(), "{}", String::from_utf8_lossy(&trail.stderr));
    // What was used before ends the chain at its first sight.
    send(at, &scene.shop.refresh(&first)).await.expect("an answer").is(400, "invalid_grant");
    send(at, &scene.shop.refresh(&third)).await.expect("an answer").is(400, "invalid_grant");
}
