//! Signing keys: nodes that tend them make each step once.

use std::sync::Arc;

use nod::clock::ManualClock;
use nod::domain::audit::Action;
use nod::domain::signing_key::{Schedule, State, StoredKey};
use nod::entropy::Entropy;
use nod::protocol::algorithm::Algorithm;
use nod::secret::{MasterKey, Sealed, Secret};
use nod::usecase::signing_keys::{KeyRing, TendKeys};
use tokio::task::JoinSet;

use super::stage::{Stage, later, now, until};

on_every_engine! {
    a_signing_key_lives_its_life_once
    nodes_that_start_at_once_make_the_first_keys_once
}

async fn nodes_that_start_at_once_make_the_first_keys_once(stage: Stage) {
    for round in 0..4 {
        stage.execute("DELETE FROM signing_key").await;
        let mut tending = JoinSet::new();
        for n in 0..2 {
            let node = TendKeys {
                keys: stage.node(n).keys,
                ring: Arc::new(KeyRing::new(String::new())),
                master: Arc::new(MasterKey::new(&Secret::new([7; 32]))),
                schedule: Schedule::default(),
                clock: Arc::new(ManualClock::new(now())),
                entropy: Arc::new(Entropy::default()),
            };
            tending.spawn(async move { node.tend().await });
        }
        for tended in tending.join_all().await {
            tended.unwrap();
        }
        let mut states = stage.nodes[0].keys.load().await.unwrap();
        states.sort_by_key(|key| (key.algorithm.as_str(), key.state));
        let states: Vec<_> = states.iter().map(|key| (key.algorithm, key.state)).collect();
        let wanted = |of: Algorithm| [State::Next, State::Current].map(|state| states.contains(&(of, state)));
        assert!(
            Algorithm::SIGNING.into_iter().all(|algorithm| wanted(algorithm) == [true, true]),
            "{round}: {states:?}"
        );
        assert_eq!(states.len(), 6, "none retires that has just begun: {round}: {states:?}");
    }
}

async fn a_signing_key_lives_its_life_once(stage: Stage) {
    let key = |kid: &str, state| StoredKey {
        kid: kid.to_owned(),
        algorithm: Algorithm::ES256,
        state,
        public_jwk: "{}".to_owned(),
        sealed_private: Sealed::from_bytes(vec![1, 2, 3]),
        created_at: now(),
        activated_at: (state == State::Current).then(now),
        retiring_at: None,
    };
    let once = async |what: &str, kids: [&'static str; 2]| {
        let mut tasks = JoinSet::new();
        for (n, kid) in kids.into_iter().enumerate() {
            let (node, event, what) = (stage.node(n), stage.event(Action::KeyRotated), what.to_owned());
            tasks.spawn(async move {
                let done = match what.as_str() {
                    "create" => node.keys.insert(&key(kid, State::Current), &event).await,
                    "announce" => node.keys.insert(&key(kid, State::Next), &event).await,
                    "promote" => node.keys.promote(kid, &event, later(1)).await,
                    _ => node.keys.retire(kid, &event).await,
                };
                (kid, done.unwrap())
            });
        }
        let done = tasks.join_all().await;
        assert_eq!(done.iter().filter(|(_, done)| *done).count(), 1, "{what}: {done:?}");
        done.into_iter().find(|(_, done)| *done).unwrap().0
    };
    let first = once("create", ["a", "b"]).await;
    let epoch = stage.nodes[0].directory.keys_epoch();
    let second = once("announce", ["c", "d"]).await;
    until(async || stage.nodes[0].directory.keys_epoch() > epoch).await;
    assert_eq!(once("promote", [second, second]).await, second);
    let keys = stage.nodes[1].keys.load().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.state)).collect();
    assert!(states.contains(&(second, State::Current)) && states.contains(&(first, State::Retiring)), "{states:?}");
    assert_eq!(keys[0].sealed_private.as_bytes(), [1, 2, 3]);
    once("retire", [first, first]).await;
    let left = stage.nodes[1].keys.load().await.unwrap();
    assert_eq!(left.iter().filter(|key| key.state != State::Retired).count(), 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM signing_key WHERE length(sealed_private) = 0").await, 1);
    assert!(!stage.nodes[0].keys.promote("unknown", &stage.event(Action::KeyRotated), later(2)).await.unwrap());
    let keys = stage.nodes[0].keys.load().await.unwrap();
    assert_eq!(keys.iter().filter(|key| key.state == State::Current).count(), 1);
}
