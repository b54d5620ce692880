//! Races for tokens, over two nodes that share one Redis: refresh, revocation, locking, and changes of a client.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::join;
use nod::domain::client::{self, AccessTokenFormat};
use nod::protocol::algorithm::Algorithm;
use serde_json::json;

use crate::world::{Answer, Backing, Client, Person, World, decoded};

const CROWD: usize = 16;

struct Stage {
    world: World,
    shop: Client,
    alice: Person,
}

impl Stage {
    /// On each database.
    async fn each() -> [Self; 2] {
        [Self::on(World::with()).await, Self::on(World::with().backing(Backing::Postgres)).await]
    }

    async fn on(world: crate::world::Builder) -> Self {
        let world = world.redis().nodes(2).generous().start().await;
        let shop = world.client("shop").refresh().opaque().await;
        let alice = world.user("alice").with_phone().await;
        Self { world, shop, alice }
    }

    async fn token(&self) -> String {
        self.shop.log_in(&self.alice).await.refresh_token.expect("a refresh token")
    }

    async fn refreshes(&self, token: &str) -> Vec<Answer> {
        join_all((0..CROWD).map(|number| {
            let (shop, token) = (self.shop.at(number % 2), token.to_owned());
            async move { shop.refresh(&token).await }
        }))
        .await
    }

    /// Whatever was given is worth nothing on either node. Answers how many were given something.
    async fn nothing_is_active(&self, answers: &[Answer]) -> usize {
        let mut given = 0;
        for answer in answers {
            if answer.status != 200 {
                assert!(answer.status == 503 || answer.json()["error"] == "invalid_grant", "{}", answer.text());
                continue;
            }
            given += 1;
            let tokens = answer.tokens();
            for node in 0..2 {
                let shop = self.shop.at(node);
                assert_eq!(shop.introspect(&tokens.access_token).await, json!({ "active": false }));
                let refresh_token = tokens.refresh_token.as_deref().expect("a refresh token");
                shop.refresh(refresh_token).await.refused(400, "invalid_grant");
            }
        }
        given
    }
}

/// Whoever is told to come again, by a server that has too much to do, does so.
async fn patient(ask: impl AsyncFn() -> Answer) -> Answer {
    loop {
        let answer = ask().await;
        if answer.status != 503 {
            return answer;
        }
    }
}

#[tokio::test]
async fn r4_of_many_refreshes_of_one_token_one_successor_comes() {
    for stage in Stage::each().await {
        for _ in 0..5 {
            let token = stage.token().await;
            let answers = stage.refreshes(&token).await;
            let successors: HashSet<String> = answers
                .iter()
                .filter(|answer| answer.status == 200)
                .map(|answer| answer.tokens().refresh_token.unwrap())
                .collect();
            assert_eq!(successors.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
            stage.shop.at(1).refresh(successors.iter().next().unwrap()).await.tokens();
        }
    }
}

#[tokio::test]
async fn r5_after_a_revocation_no_refresh_has_left_anything() {
    for stage in Stage::each().await {
        let mut given = 0;
        for round in 0..8 {
            let token = stage.token().await;
            let revocations = join_all((0..2).map(|node| {
                let (shop, token) = (stage.shop.at(node), token.clone());
                async move {
                    tokio::time::sleep(Duration::from_millis(3 * round)).await;
                    assert_eq!(shop.revoke(&token, Some("refresh_token")).await.status, 200);
                }
            }));
            let (answers, _) = join!(stage.refreshes(&token), revocations);
            given += stage.nothing_is_active(&answers).await;
        }
        assert!(given > 0, "nobody was faster than a revocation: there was no race");
    }
}

#[tokio::test]
async fn r5_after_a_person_is_locked_no_refresh_has_left_anything() {
    for stage in Stage::each().await {
        let mut given = 0;
        for round in 0..8 {
            let token = stage.token().await;
            let locked = async {
                tokio::time::sleep(Duration::from_millis(3 * round)).await;
                stage.alice.lock().await;
            };
            let (answers, ()) = join!(stage.refreshes(&token), locked);
            // The other node learns of it within a second.
            tokio::time::sleep(Duration::from_millis(1100)).await;
            given += stage.nothing_is_active(&answers).await;
            stage.alice.unlock().await;
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        assert!(given > 0, "nobody was faster than the lock: there was no race");
    }
}

/// One version of the client says how both of its tokens are made: no answer has one of this and one of that.
#[tokio::test]
async fn r20_tokens_are_made_by_one_version_of_their_client() {
    for stage in Stage::each().await {
        let over = Cell::new(false);
        let changing = async {
            for number in 0..40 {
                let change = move |client: &mut client::Client| {
                    (client.id_token_signed_response_alg, client.access_token_format) = if number % 2 == 0 {
                        (Algorithm::PS256, AccessTokenFormat::Jwt)
                    } else {
                        (Algorithm::ES256, AccessTokenFormat::Opaque)
                    };
                };
                // Whoever refreshes may have all connections.
                while stage.shop.try_update(change).await.is_err() {}
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            over.set(true);
        };
        let mut tokens = Vec::new();
        for _ in 0..8 {
            tokens.push(stage.token().await);
        }
        let asking = join_all(tokens.into_iter().enumerate().map(|(number, mut token)| {
            let (shop, over) = (stage.shop.at(number % 2), &over);
            async move {
                let mut versions = HashSet::new();
                while !over.get() {
                    let tokens = patient(async || shop.refresh(&token).await).await.tokens();
                    let (header, _) = decoded(&tokens.id_token);
                    let opaque = !tokens.access_token.contains('.');
                    assert_eq!(header["alg"] == "ES256", opaque, "{:?}", tokens.json);
                    versions.insert(opaque);
                    token = tokens.refresh_token.unwrap();
                }
                versions
            }
        }));
        let ((), versions) = join!(changing, asking);
        assert!(versions.iter().all(|versions| versions.len() == 2), "each met both: {versions:?}");
    }
}

/// Nothing is given to a client after it was deleted, and what it had is gone.
#[tokio::test]
async fn r20_nothing_is_left_of_a_client_that_is_deleted_while_it_asks() {
    for stage in Stage::each().await {
        let token = stage.token().await;
        let deleted = async {
            tokio::time::sleep(Duration::from_millis(6)).await;
            stage.shop.delete().await;
        };
        let (answers, ()) = join!(stage.refreshes(&token), deleted);
        for answer in &answers {
            assert!([200, 400, 401, 503].contains(&answer.status), "{}: {}", answer.status, answer.text());
        }
        tokio::time::sleep(Duration::from_millis(1100)).await;
        // Of a few: more would be guesses, which are slowed down.
        for answer in answers.iter().filter(|answer| answer.status == 200).take(4) {
            let tokens = answer.tokens();
            for node in 0..2 {
                let userinfo = async || {
                    let request = stage.world.at(node).request(reqwest::Method::GET, crate::world::USERINFO);
                    Answer::of(request.bearer_auth(&tokens.access_token)).await
                };
                patient(userinfo).await.refused(401, "invalid_token");
                let (shop, token) = (stage.shop.at(node), tokens.refresh_token.as_deref().unwrap());
                patient(async || shop.refresh(token).await).await.refused(401, "invalid_client");
            }
        }
    }
}
