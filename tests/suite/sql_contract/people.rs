//! People: their names, and what goes with them.

use std::time::Duration;

use nod::domain::audit::Action;
use nod::domain::user::{self, User};
use nod::protocol::id::UserId;
use nod::store::sql::people::Updated;

use super::stage::{Stage, later, now, until};

on_every_engine! {
    a_locked_user_is_seen_everywhere_within_a_second
    a_username_is_taken_once
    an_address_is_whose_it_is_if_it_is_verified_and_nobody_elses
    a_deleted_user_leaves_no_device_and_no_grant
}

async fn a_locked_user_is_seen_everywhere_within_a_second(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert_eq!(*here.directory.user(&alice.id).await.unwrap().unwrap(), alice);
    until(async || there.directory.user_by_username("alice").await.unwrap().is_some()).await;
    assert!(there.directory.user(&alice.id).await.unwrap().unwrap().is_active());

    let lock = |user: User| User { status: user::Status::Locked, ..user };
    let updated = here.people.update(alice.id, &stage.event(Action::UserUpdated), later(1), lock).await.unwrap();
    let Updated::User(locked) = updated else { panic!("{updated:?}") };
    assert_eq!(*here.directory.user(&alice.id).await.unwrap().unwrap(), locked);
    assert_eq!(*here.directory.user_by_username("alice").await.unwrap().unwrap(), locked);
    let waited = until(async || !there.directory.user(&alice.id).await.unwrap().unwrap().is_active()).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert!(!there.directory.user_by_username("alice").await.unwrap().unwrap().is_active());
}

async fn an_address_is_whose_it_is_if_it_is_verified_and_nobody_elses(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let address = "alice+o'neill\u{e9}\"@example.com";
    let change = async |whose: &User, email: Option<&str>, email_verified: bool| {
        let email = email.map(str::to_owned);
        let event = stage.event(Action::UserUpdated);
        let changed = |user: User| User { email, email_verified, ..user };
        assert!(matches!(here.people.update(whose.id, &event, later(1), changed).await.unwrap(), Updated::User(_)));
    };
    let whose = async || here.directory.user_by_email(address).await.unwrap().map(|user| user.id);
    assert_eq!(whose().await, None);
    change(&alice, Some(address), false).await;
    assert_eq!(whose().await, None);
    change(&alice, Some(address), true).await;
    assert_eq!(whose().await, Some(alice.id));
    assert_eq!(here.directory.user_by_email(&address.to_uppercase()).await.unwrap(), None);
    until(async || there.directory.user_by_email(address).await.unwrap().is_some()).await;
    change(&bob, Some(address), false).await;
    assert_eq!(whose().await, Some(alice.id));
    change(&bob, Some(address), true).await;
    assert_eq!(whose().await, None);
    change(&alice, None, false).await;
    assert_eq!(whose().await, Some(bob.id));
    for nobody in ["", "\0", "alice\0@example.com", "null"] {
        assert_eq!(here.directory.user_by_email(nobody).await.unwrap(), None);
    }
}

async fn a_username_is_taken_once(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let again = User { id: UserId::new(stage.entropy.uuid()), ..alice.clone() };
    assert!(!there.people.create(&again, &stage.event(Action::UserCreated)).await.unwrap());
    let event = stage.event(Action::UserUpdated);
    let rename = |user: User| User { username: "alice".to_owned(), ..user };
    assert_eq!(here.people.update(bob.id, &event, now(), rename).await.unwrap(), Updated::UsernameTaken);
    let nobody = UserId::new(stage.entropy.uuid());
    assert_eq!(here.people.update(nobody, &event, now(), rename).await.unwrap(), Updated::Unknown);
    let names: Vec<_> = here.people.list(None, 10).await.unwrap().into_iter().map(|user| user.username).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert!(here.directory.user_by_username("Alice").await.unwrap().is_none());
    assert!(here.directory.user_by_username("a\0lice").await.unwrap().is_none());
}

async fn a_deleted_user_leaves_no_device_and_no_grant(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    stage.pair(&alice, "own").await;
    stage.pair(&alice, "shared").await;
    stage.pair(&bob, "shared").await;
    stage.pairing_key(&alice).await;
    let (mut grant, _, _) = stage.grant(None);
    grant.user = alice.id;
    here.ledger.grant(grant.clone(), None, None, stage.event(Action::RequestRedeemed)).await.unwrap();

    assert!(here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert!(!here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert!(here.directory.user(&alice.id).await.unwrap().is_none());
    assert!(here.directory.devices_of(&alice.id).await.unwrap().is_empty());
    assert!(here.directory.installation_by_jkt("own").await.unwrap().is_none());
    assert_eq!(here.directory.installation_by_jkt("shared").await.unwrap().unwrap().devices.len(), 1);
    assert!(here.tokens.active_grant(grant.id).await.unwrap().is_none());
    assert_eq!(stage.count("SELECT COUNT(*) FROM installation").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM pairing_key WHERE used_at IS NULL").await, 0);
}
