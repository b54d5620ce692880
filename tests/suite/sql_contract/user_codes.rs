//! User codes: set in the place of one another, and gone with their users.

use nod::domain::audit::Action;
use nod::domain::password::hash::PasswordHash;

use super::stage::{Stage, later, now};

on_every_engine! {
    a_user_code_is_set_in_the_place_of_another
    a_user_code_goes_with_its_user
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash { phc: format!("$argon2id${text}"), pepper: "a pepper".to_owned() }
}

async fn a_user_code_is_set_in_the_place_of_another(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let event = || stage.event(Action::UserCodeSet).user(alice.id);
    assert!(here.user_codes.find(alice.id).await.unwrap().is_none());
    assert!(!here.user_codes.replace(alice.id, &hash("old"), &hash("anew")).await.unwrap());
    for (text, at) in [("first", now()), ("second", later(1))] {
        assert!(here.user_codes.set(alice.id, &hash(text), (&event(), at)).await.unwrap());
        let stored = there.user_codes.find(alice.id).await.unwrap().unwrap();
        assert_eq!((stored.hash, stored.changed_at), (hash(text), at));
    }
    // One that was verified is hashed anew in its own place alone.
    assert!(!there.user_codes.replace(alice.id, &hash("first"), &hash("anew")).await.unwrap());
    let renamed = PasswordHash { pepper: "another pepper".to_owned(), ..hash("second") };
    assert!(!there.user_codes.replace(alice.id, &renamed, &hash("anew")).await.unwrap());
    assert!(there.user_codes.replace(alice.id, &hash("second"), &hash("anew")).await.unwrap());
    let stored = here.user_codes.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.hash, stored.changed_at), (hash("anew"), later(1)));

    let removed = || stage.event(Action::UserCodeRemoved).user(alice.id);
    assert!(here.user_codes.remove(alice.id, &removed()).await.unwrap());
    assert!(!there.user_codes.remove(alice.id, &removed()).await.unwrap());
    assert!(there.user_codes.find(alice.id).await.unwrap().is_none());
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'user_code.set'").await, 2);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'user_code.removed'").await, 1);
}

async fn a_user_code_goes_with_its_user(stage: Stage) {
    let (alice, here) = (stage.user("alice").await, stage.node(0));
    let event = || stage.event(Action::UserCodeSet).user(alice.id);
    assert!(here.user_codes.set(alice.id, &hash("hers"), (&event(), now())).await.unwrap());
    assert!(here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert_eq!(stage.count("SELECT COUNT(*) FROM user_code").await, 0);
    assert!(!here.user_codes.set(alice.id, &hash("hers"), (&event(), later(2))).await.unwrap());
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'user_code.set'").await, 1);
}
