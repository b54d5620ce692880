//! Passwords: set over the one that was seen.

use nod::clock::Timestamp;
use nod::domain::audit::Action;
use nod::domain::password::hash::PasswordHash;
use nod::store::sql::passwords::{Over, Set, Then};

use super::stage::{Node, Stage, later, now};

on_every_engine! {
    a_password_is_set_over_the_one_that_was_seen
    a_hash_is_swapped_for_the_one_that_was_seen
    a_password_goes_with_its_user
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash { phc: format!("$argon2id${text}"), pepper: "a pepper".to_owned() }
}

async fn a_password_is_set_over_the_one_that_was_seen(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let set = async |node: &Node, over: Over, text: &str, at: Timestamp| {
        let event = stage.event(Action::PasswordChanged).user(alice.id);
        node.passwords.set(alice.id, over, &hash(text), (&event, at), Then::default()).await.unwrap()
    };
    assert!(here.passwords.find(alice.id).await.unwrap().is_none());
    assert_eq!(set(here, Over::ChosenAt(now()), "none", now()).await, Set::No);
    assert_eq!(set(here, Over::Nothing, "first", now()).await, Set::At(now()));
    assert_eq!(set(there, Over::Nothing, "again", later(9)).await, Set::No);
    let stored = there.passwords.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.hash, stored.must_change, stored.changed_at), (hash("first"), false, now()));
    assert!(there.passwords.require_change(alice.id, &stage.event(Action::PasswordChangeRequired)).await.unwrap());
    assert!(here.passwords.find(alice.id).await.unwrap().unwrap().must_change);

    // Of those who come at once, one; and later than the one before, though its clock is behind.
    let nodes: Vec<Node> = (0..16).map(|n| stage.node(n)).collect();
    let early = Timestamp::from_millis(now().millis() - 5000);
    let sets = nodes.iter().zip(["a", "b", "c", "d"].iter().cycle());
    let sets = sets.map(|(node, text)| set(node, Over::ChosenAt(now()), text, early));
    let sets: Vec<Set> = futures_util::future::join_all(sets).await;
    let at = Timestamp::from_millis(now().millis() + 1);
    assert_eq!(sets.iter().filter(|set| **set == Set::At(at)).count(), 1, "{sets:?}");
    assert_eq!(sets.iter().filter(|set| **set == Set::No).count(), 15, "{sets:?}");
    let stored = here.passwords.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.must_change, stored.changed_at), (false, at));
    let events = "SELECT COUNT(*) FROM audit WHERE action LIKE 'password.%'";
    assert_eq!(stage.count(events).await, 3, "one for each that was set, and one for the demand");
}

async fn a_hash_is_swapped_for_the_one_that_was_seen(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let event = || stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("old"), (&event(), now()), Then::default()).await.unwrap();
    assert!(!here.passwords.replace(alice.id, &hash("another"), &hash("anew")).await.unwrap());
    let renamed = PasswordHash { pepper: "another pepper".to_owned(), ..hash("old") };
    assert!(!here.passwords.replace(alice.id, &renamed, &hash("anew")).await.unwrap());
    assert!(here.passwords.replace(alice.id, &hash("old"), &hash("anew")).await.unwrap());
    let stored = there.passwords.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.hash, stored.changed_at), (hash("anew"), now()));

    // Whoever has verified the old one comes after the change.
    let changed = there.passwords.set(alice.id, Over::ChosenAt(now()), &hash("chosen"), (&event(), later(1)), Then::default()).await;
    assert_eq!(changed.unwrap(), Set::At(later(1)));
    assert!(!here.passwords.replace(alice.id, &hash("anew"), &hash("undone")).await.unwrap());
    assert_eq!(here.passwords.find(alice.id).await.unwrap().unwrap().hash, hash("chosen"));
}

async fn a_password_goes_with_its_user(stage: Stage) {
    let (alice, here) = (stage.user("alice").await, stage.node(0));
    let event = || stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("hers"), (&event(), now()), Then::default()).await.unwrap();
    assert!(here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert_eq!(stage.count("SELECT COUNT(*) FROM password").await, 0);
    let set = here.passwords.set(alice.id, Over::Nothing, &hash("hers"), (&event(), later(2)), Then::default()).await;
    assert_eq!(set.unwrap(), Set::No);
    assert!(!here.passwords.require_change(alice.id, &event()).await.unwrap());
    assert!(!here.passwords.replace(alice.id, &hash("hers"), &hash("anew")).await.unwrap());
}
