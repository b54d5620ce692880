//! Passwords: set over the one that was seen.

use nod::clock::Timestamp;
use nod::domain::audit::Action;
use nod::domain::password::hash::PasswordHash;
use nod::domain::session::{Authentication, Session};
use nod::domain::user::User;
use nod::protocol::acr::Acr;
use nod::protocol::id::{SessionId, SessionToken};
use nod::store::sql::passwords::{Over, Set, Then};
use nod::store::sql::sessions::Replaced;

use super::stage::{Node, Stage, later, now};

on_every_engine! {
    a_password_is_set_over_the_one_that_was_seen
    a_hash_is_swapped_for_the_one_that_was_seen
    a_password_goes_with_its_user
    a_session_begins_with_the_password_that_is_theirs
    a_session_goes_on_with_the_password_that_is_theirs
    security_27_no_session_of_the_old_password_outlives_the_change
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
    let event = |_| stage.event(Action::PasswordChangeRequired);
    let refused = there.passwords.demand_if(alice.id, event, |_| Err("not now")).await.unwrap();
    assert_eq!(refused, Some(Err("not now")));
    assert!(!here.passwords.find(alice.id).await.unwrap().unwrap().must_change);
    for _ in 0..2 {
        let demanded = there.passwords.demand_if(alice.id, event, |_| Ok::<_, ()>(true)).await.unwrap();
        assert_eq!(demanded, Some(Ok(here.passwords.find(alice.id).await.unwrap().unwrap())));
        assert!(here.passwords.find(alice.id).await.unwrap().unwrap().must_change);
    }

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
    let changed = there
        .passwords
        .set(alice.id, Over::ChosenAt(now()), &hash("chosen"), (&event(), later(1)), Then::default())
        .await;
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
    assert!(here.passwords.demand_if(alice.id, |_| event(), |_| Ok::<_, ()>(true)).await.unwrap().is_none());
    assert!(!here.passwords.replace(alice.id, &hash("hers"), &hash("anew")).await.unwrap());
}

fn session(stage: &Stage, user: &User) -> Session {
    let token = SessionToken::new(stage.entropy.token());
    Session {
        id: SessionId::new(stage.entropy.uuid()),
        token: token.digest(),
        user: user.id,
        authentication: Authentication { at: now(), acr: Acr::Password, amr: "pwd".to_owned() },
        created_at: now(),
        seen_at: now(),
        second_at: None,
    }
}

async fn begun(stage: &Stage, node: &Node, session: &Session, password: Option<Timestamp>) -> Option<SessionId> {
    let event = stage.event(Action::SessionBegun).user(session.user);
    node.sessions.begin(session, None, password, &event).await.unwrap()
}

async fn a_session_begins_with_the_password_that_is_theirs(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let event = || stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("hers"), (&event(), now()), Then::default()).await.unwrap();
    assert_eq!(begun(&stage, there, &session(&stage, &alice), Some(later(1))).await, None);
    // What is proved otherwise asks for no password.
    assert!(begun(&stage, there, &session(&stage, &alice), None).await.is_some());
    let stays = begun(&stage, there, &session(&stage, &alice), Some(now())).await;
    assert_eq!(stage.count("SELECT COUNT(*) FROM session").await, 2);

    let then = Then { stays, letter: Some((stage.entropy.uuid(), b"a letter")) };
    let over = Over::ChosenAt(now());
    here.passwords.set(alice.id, over, &hash("next"), (&event(), later(1)), then).await.unwrap();
    assert_eq!(stage.count("SELECT COUNT(*) FROM session").await, 1);
    assert!(there.sessions.is_live(stays.unwrap(), now()).await.unwrap());
    assert_eq!(stage.count("SELECT COUNT(*) FROM outbox WHERE kind = 'mail'").await, 1);
    assert_eq!(begun(&stage, there, &session(&stage, &alice), Some(now())).await, None);
}

async fn a_session_goes_on_with_the_password_that_is_theirs(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let event = stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("hers"), (&event, now()), Then::default()).await.unwrap();
    let first = session(&stage, &alice);
    assert_eq!(begun(&stage, here, &first, Some(now())).await, Some(first.id));
    let renewed = async |old: &Session, next: &Session, password: Option<Timestamp>| {
        let (event, ended) = (stage.event(Action::SessionBegun), stage.event(Action::SessionEnded));
        let replaces = Replaced { session: old, ended: &ended };
        there.sessions.begin(next, Some(replaces), password, &event).await.unwrap()
    };
    let second = session(&stage, &alice);
    assert_eq!(renewed(&first, &second, Some(later(1))).await, None);
    assert!(here.sessions.find(&first.token, now()).await.unwrap().is_some(), "the one that there was is as it was");
    assert_eq!(renewed(&first, &second, Some(now())).await, Some(first.id));
    // What is proved otherwise asks for no password.
    let (second, third) = (Session { id: first.id, ..second }, session(&stage, &alice));
    assert_eq!(renewed(&second, &third, None).await, Some(first.id));
    // What was shown in it stays, whatever is proved again.
    here.sessions.shown_second(first.id, later(2)).await.unwrap();
    let (third, fourth) = (Session { id: first.id, ..third }, session(&stage, &alice));
    assert_eq!(renewed(&third, &fourth, None).await, Some(first.id));
    let found = here.sessions.find(&fourth.token, now()).await.unwrap().unwrap();
    assert_eq!(found.second_at, Some(later(2)));
    assert_eq!(stage.count("SELECT COUNT(*) FROM session").await, 1);
}

async fn security_27_no_session_of_the_old_password_outlives_the_change(stage: Stage) {
    let (alice, here) = (stage.user("alice").await, stage.node(0));
    let event = || stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("old"), (&event(), now()), Then::default()).await.unwrap();
    let nodes: Vec<Node> = (0..6).map(|n| stage.node(n)).collect();
    let sessions: Vec<Session> = nodes.iter().map(|_| session(&stage, &alice)).collect();
    let begin = nodes.iter().zip(&sessions).map(|(node, session)| begun(&stage, node, session, Some(now())));
    let (event, new) = (event(), hash("new"));
    let change = here.passwords.set(alice.id, Over::ChosenAt(now()), &new, (&event, later(1)), Then::default());
    let (_, set) = tokio::join!(futures_util::future::join_all(begin), change);
    assert_eq!(set.unwrap(), Set::At(later(1)));
    assert_eq!(stage.count("SELECT COUNT(*) FROM session").await, 0);
}
