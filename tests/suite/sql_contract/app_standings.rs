//! What people have said of apps that are no devices of theirs.

use nod::domain::audit::Action;
use nod::domain::authentication_request::{Decision, Denial};
use nod::domain::mobile_app::{Standing, Stands};
use nod::domain::user::{Status, User};
use nod::protocol::id::{DeviceId, MfaPolicyId, RequestId};
use nod::store::sql::ledger::{Also, Decided};
use nod::store::sql::people::Updated;

use super::stage::{Stage, later, now};

on_every_engine! {
    what_is_blocked_is_let_in_by_no_yes_that_comes_later
    nobody_lets_in_an_app_who_is_stopped_or_has_another_password
}

const APP: &str = "thumbprint";

fn policy() -> MfaPolicyId {
    MfaPolicyId::parse("mfa").unwrap()
}

/// Let in for ten minutes, or blocked.
fn said(user: &User, device: DeviceId, standing: Standing) -> Stands {
    let until = (standing == Standing::LetIn).then(|| later(600));
    Stands { user: user.id, device, jkt: APP.to_owned(), standing, policy: policy(), until, said_at: now() }
}

async fn what_is_blocked_is_let_in_by_no_yes_that_comes_later(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    let phone = stage.pair(&alice, "phone").await.device.id;
    let find = async || there.standings.find(alice.id, APP, &policy(), now()).await.unwrap();
    let let_in = said(&alice, phone, Standing::LetIn);
    here.standings.let_in(&let_in, None).await.unwrap();
    assert_eq!(find().await, Some(Standing::LetIn));
    assert!(!there.standings.blocks(alice.id, APP).await.unwrap());

    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Denied(Denial::Blocked));
    let also = Also { stands: Some(Box::new(said(&alice, phone, Standing::Blocked))), ..Also::default() };
    let decided = here.ledger.decide_and(record, stage.event(Action::RequestDenied), also).await.unwrap();
    assert_eq!(decided, Decided::First);
    there.standings.let_in(&let_in, None).await.unwrap();
    assert_eq!(find().await, Some(Standing::Blocked));
    assert!(there.standings.blocks(alice.id, APP).await.unwrap());
}

async fn nobody_lets_in_an_app_who_is_stopped_or_has_another_password(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    let phone = stage.pair(&alice, "phone").await.device.id;
    let find = async || there.standings.find(alice.id, APP, &policy(), now()).await.unwrap();
    let let_in = said(&alice, phone, Standing::LetIn);
    // She has none.
    here.standings.let_in(&let_in, Some(now())).await.unwrap();
    assert_eq!(find().await, None);
    let event = stage.event(Action::UserLocked);
    let locked = here.people.update(alice.id, &event, now(), |user| User { status: Status::Locked, ..user });
    assert!(matches!(locked.await.unwrap(), Updated::User(_)));
    there.standings.let_in(&let_in, None).await.unwrap();
    assert_eq!(find().await, None);
}
