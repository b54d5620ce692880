//! The outbox: a row goes to one worker, and comes up again until it is done.

use std::time::Duration;

use nod::domain::audit::Action;
use nod::domain::authentication_request::Decision;
use nod::protocol::id::RequestId;
use nod::store::sql::outbox::Kind;
use tokio::task::JoinSet;

use super::stage::{Stage, later, now, until};

on_every_engine! {
    a_told_decision_leaves_the_outbox
    an_outbox_row_goes_to_one_worker
    an_untold_row_comes_up_again
}

async fn a_told_decision_leaves_the_outbox(stage: Stage) {
    let [here, _] = &stage.nodes;
    let mut requests = Vec::new();
    for _ in 0..100 {
        let request = RequestId::new(stage.entropy.uuid());
        let record = Stage::record(request, Decision::Cancelled);
        here.ledger.decide(record, stage.event(Action::RequestCancelled)).await.unwrap();
        requests.push(request);
    }
    assert_eq!(here.outbox.lease(Kind::Decision, 10, Duration::from_secs(5), now()).await.unwrap(), [], "not due yet");
    for request in &requests[1..] {
        here.ledger.told(*request);
    }
    until(async || here.outbox.backlog(Kind::Decision).await.unwrap() == (1, Some(now()))).await;
    let leased = here.outbox.lease(Kind::Decision, 10, Duration::from_secs(5), later(1)).await.unwrap();
    assert_eq!(leased.iter().map(|row| row.id).collect::<Vec<_>>(), [requests[0].uuid()]);
}

async fn an_outbox_row_goes_to_one_worker(stage: Stage) {
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
        let (node, event) = (stage.node(n), stage.event(Action::RequestCancelled));
        tasks.spawn(async move { node.ledger.decide(record, event).await.unwrap() });
    }
    tasks.join_all().await;
    let mut workers = JoinSet::new();
    for n in 0..4 {
        let node = stage.node(n);
        workers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let rows = node.outbox.lease(Kind::Decision, 7, Duration::from_secs(5), later(2)).await.unwrap();
                if rows.is_empty()
                    && node.outbox.lease(Kind::Decision, 7, Duration::from_secs(5), later(2)).await.unwrap().is_empty()
                {
                    return taken;
                }
                taken.extend(rows.into_iter().map(|row| row.id));
            }
        });
    }
    let mut taken: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    let all = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((all, taken.len()), (100, 100));
}

async fn an_untold_row_comes_up_again(stage: Stage) {
    let [here, there] = &stage.nodes;
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    here.ledger.decide(record, stage.event(Action::RequestCancelled)).await.unwrap();
    let lease = Duration::from_secs(5);
    let first = here.outbox.lease(Kind::Decision, 10, lease, later(1)).await.unwrap().remove(0);
    assert_eq!(first.attempts, 1);
    assert!(there.outbox.lease(Kind::Decision, 10, lease, later(5)).await.unwrap().is_empty());
    let second = there.outbox.lease(Kind::Decision, 10, lease, later(6)).await.unwrap().remove(0);
    assert_eq!((second.id, second.attempts), (first.id, 2));
    here.outbox.retry(&first, later(6)).await.unwrap();
    assert!(
        here.outbox.lease(Kind::Decision, 10, lease, later(7)).await.unwrap().is_empty(),
        "it is not ours any more"
    );
    there.outbox.retry(&second, later(8)).await.unwrap();
    let third = here.outbox.lease(Kind::Decision, 10, lease, later(8)).await.unwrap().remove(0);
    here.outbox.done(third.id).await.unwrap();
    assert_eq!(here.outbox.backlog(Kind::Decision).await.unwrap(), (0, None));
}
