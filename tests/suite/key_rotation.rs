//! Signing keys are replaced while everybody is at work, and nobody notices [OIDCC §10.1.1].

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use nod::domain::signing_key::Schedule;
use nod::protocol::algorithm::Algorithm;
use serde_json::Value;

use crate::world::{Backing, Client, JWKS, Person, World, seconds, verify};

/// As `Cache-Control` of the JWKS lets relying parties do.
const COPY_LIVES: i64 = 300;
/// Of access tokens.
const TOKEN_LIVES: i64 = 600;
const STEP: u64 = 50;
const STEPS: u64 = 44;

/// A relying party with its copy of the keys.
struct Party<'w> {
    world: &'w World,
    client: Client,
    copy: RefCell<(i64, Value)>,
    /// Access tokens that are still good, oldest first.
    old: RefCell<VecDeque<(i64, String)>>,
    kids: RefCell<HashSet<String>>,
}

impl Party<'_> {
    /// A copy that is as old as it may be.
    async fn keys(&self) -> Value {
        let now = self.world.now().seconds();
        if now - self.copy.borrow().0 >= COPY_LIVES {
            let fetched = self.world.get(JWKS).await.json();
            *self.copy.borrow_mut() = (now, fetched);
        }
        self.copy.borrow().1.clone()
    }

    /// Refreshes, and has everything that it got looked at; on both nodes.
    async fn work(&self, person: &Person, over: &Cell<bool>) -> usize {
        let mut refresh = self.client.log_in(person).await.refresh_token.unwrap();
        let mut rounds = 0;
        while !over.get() {
            rounds += 1;
            let keys = self.keys().await;
            let begun = self.world.now().seconds();
            let tokens = self.client.at(rounds % 2).refresh(&refresh).await.tokens();
            for token in [&tokens.id_token, &tokens.access_token] {
                let (header, _) = verify(token, &keys);
                self.kids.borrow_mut().insert(header["kid"].as_str().unwrap().to_owned());
            }
            self.old.borrow_mut().push_back((begun, tokens.access_token.clone()));
            refresh = tokens.refresh_token.unwrap();
            self.looked_at(rounds).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rounds
    }

    /// The newest token, and the oldest that lives for a few steps yet.
    async fn looked_at(&self, rounds: usize) {
        let now = self.world.now().seconds();
        let chosen = {
            let mut old = self.old.borrow_mut();
            while old.front().is_some_and(|(at, _)| now - at > TOKEN_LIVES - 200) {
                old.pop_front();
            }
            [old.front().cloned(), old.back().cloned()]
        };
        for (_, token) in chosen.into_iter().flatten() {
            let request = self.world.at((rounds + 1) % 2).request(reqwest::Method::GET, crate::world::USERINFO);
            crate::world::Answer::of(request.bearer_auth(&token)).await.ok();
            assert_eq!(self.client.at(rounds % 2).introspect(&token).await["active"], true);
        }
    }
}

#[tokio::test]
async fn oidcc_10_1_1_nothing_fails_while_keys_are_announced_used_and_retired() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        nothing_fails(backing).await;
    }
}

/// R17
async fn nothing_fails(backing: Backing) {
    let schedule = Schedule { rotate_after: seconds(500), announce_before: seconds(350), retire_after: seconds(700) };
    let world = World::with().backing(backing).redis().nodes(2);
    let world = world.settings(move |settings| settings.schedule = schedule).start().await;
    let mut parties = Vec::new();
    for algorithm in [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256] {
        let client = world.client(algorithm.as_str()).refresh().id_token_alg(algorithm).await;
        let person = world.user(&format!("user of {}", algorithm.as_str())).with_phone().await;
        let copy = RefCell::new((i64::MIN / 2, Value::Null));
        let party = Party { world: &world, client, copy, old: RefCell::default(), kids: RefCell::default() };
        parties.push((party, person));
    }
    let over = Cell::new(false);
    let rotation = async {
        for _ in 0..STEPS {
            // Each node looks for new keys within a second; so much of it is what one of these steps takes.
            tokio::time::sleep(Duration::from_millis(250)).await;
            world.clock.advance(seconds(STEP));
            // As the worker does it: what did not work is done the next time.
            let keys = Arc::clone(&world.parts().keys);
            let tend = async move { while keys.tend().await.is_err() {} };
            world.among_servers(tend).await;
        }
        over.set(true);
    };
    let work = futures_util::future::join_all(parties.iter().map(|(party, person)| party.work(person, &over)));
    let (rounds, ()) = futures_util::future::join(work, rotation).await;
    let keys = world.parts().database.clone();
    let (directory, _) = nod::store::sql::directory::Directory::new(keys.clone());
    let keys = nod::store::sql::keys::SigningKeys::new(keys, directory);
    let all = world.among_servers(async move { keys.load().await }).await.unwrap();
    for ((party, _), rounds) in parties.iter().zip(rounds) {
        let used = party.kids.borrow().len();
        assert!(rounds >= 10 && used >= 3, "{}: {rounds} rounds, {used} keys", party.client.id);
    }
    let retired = all.iter().filter(|key| key.state == nod::domain::signing_key::State::Retired).count();
    assert!(retired >= 3, "{retired} keys were retired meanwhile");
}
