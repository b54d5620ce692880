//! At the endpoints that clients call by themselves.

use nod::domain::client::{Authentication, GrantType};
use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use serde_json::{Value, json};

use super::{FAPI, FAPI2, Held};
use crate::sign_in::PASSWORD;
use crate::world::{
    Answer, BC_AUTHORIZE, CIBA, Client, INTROSPECT, PAR, Prover, REVOKE, TOKEN, World, decoded, seconds,
};

const CLIENT_CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// A client with a key that gets tokens without a person; any algorithm that fits the key.
async fn robot(world: &World, algorithm: Algorithm) -> Client {
    let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("reports");
    let robot = robot.private_key_jwt(algorithm).await;
    robot
        .update(|client| {
            if let Authentication::PrivateKeyJwt { alg, .. } = &mut client.authentication {
                *alg = None;
            }
        })
        .await;
    robot
}

async fn with_assertion(robot: &Client, prover: &Prover, header: &Value, claims: &Value) -> Answer {
    let assertion = robot.key().jws(header, claims);
    let call = robot.with_assertion(TOKEN, &CLIENT_CREDENTIALS, &assertion);
    Answer::of(call.header("dpop", prover.token_proof())).await
}

/// One that has a nonce already.
async fn ready(world: &World, robot: &Client) -> Prover {
    let prover = world.prover();
    prover.token(robot, &CLIENT_CREDENTIALS).await.ok();
    prover
}

#[tokio::test]
async fn fapi2_5_3_2_1_nobody_authenticates_with_a_secret() {
    for profile in FAPI {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            for client in [
                world.client("shop").signs_in().grants([GrantType::AuthorizationCode, GrantType::Ciba]).await,
                world.client("post").signs_in().secret_post().await,
                world.client("spa").signs_in().public().await,
            ] {
                held.to(&client, profile).await;
                for path in [TOKEN, PAR, BC_AUTHORIZE, INTROSPECT, REVOKE] {
                    let answer = client.post(path, &[("token", "x")]).await;
                    answer.refused(401, "invalid_client");
                    let told = &answer.json()["error_description"];
                    assert_eq!(told, "Client authentication failed.", "as for whoever does not exist");
                }
            }
        }
    }
}

#[tokio::test]
async fn oauth21_lets_clients_authenticate_as_they_do() {
    for held in Held::WAYS {
        let world = held.world(Profile::OAuth21).start().await;
        let robot = world.client("robot").grants([GrantType::ClientCredentials]).scope("reports").await;
        held.to(&robot, Profile::OAuth21).await;
        let tokens = robot.token(&CLIENT_CREDENTIALS).await.ok();
        assert_eq!(tokens["token_type"], "Bearer");
    }
}

#[tokio::test]
async fn fapi2_5_4_1_no_assertion_is_signed_by_pkcs1() {
    for profile in FAPI {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            let robot = robot(&world, Algorithm::PS256).await;
            let prover = ready(&world, &robot).await;
            held.to(&robot, profile).await;
            for (alg, status) in [("RS256", 401), ("PS256", 200)] {
                let header = json!({"alg": alg, "kid": "robot-key"});
                let answer = with_assertion(&robot, &prover, &header, &robot.claims()).await;
                assert_eq!(answer.status, status, "{profile} {held:?} {alg}: {}", answer.text());
            }
        }
    }
    // Without a profile it may.
    let world = World::start().await;
    let robot = robot(&world, Algorithm::PS256).await;
    let prover = ready(&world, &robot).await;
    let header = json!({"alg": "RS256", "kid": "robot-key"});
    with_assertion(&robot, &prover, &header, &robot.claims()).await.ok();
}

#[tokio::test]
async fn fapi1_advanced_8_6_eddsa_is_for_fapi2_alone() {
    for (profile, status) in [(Profile::Fapi2Security, 200), (Profile::FapiCiba, 401)] {
        let world = Held::ByServer.world(profile).start().await;
        let robot = robot(&world, Algorithm::EdDSA).await;
        let answer = world.prover().token(&robot, &CLIENT_CREDENTIALS).await;
        assert_eq!(answer.status, status, "{profile}: {}", answer.text());
    }
}

#[tokio::test]
async fn fapi2_5_3_2_1_an_assertion_names_the_issuer_and_nothing_else() {
    for profile in FAPI2 {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            let robot = robot(&world, Algorithm::ES256).await;
            let prover = ready(&world, &robot).await;
            held.to(&robot, profile).await;
            let token_endpoint = format!("{}{TOKEN}", world.issuer());
            for (aud, status) in [
                (json!(token_endpoint), 401),
                (json!([world.issuer()]), 401),
                (json!([world.issuer(), "https://other.example"]), 401),
                (json!(world.issuer()), 200),
            ] {
                let mut claims = robot.claims();
                claims["aud"] = aud.clone();
                let answer = with_assertion(&robot, &prover, &robot.header(), &claims).await;
                assert_eq!(answer.status, status, "{profile} {held:?} {aud}: {}", answer.text());
            }
        }
    }
    // [protocol.md C34] FAPI 1, and so FAPI-CIBA, takes the other names.
    let world = Held::ByServer.world(Profile::FapiCiba).start().await;
    let robot = robot(&world, Algorithm::ES256).await;
    let prover = ready(&world, &robot).await;
    let mut claims = robot.claims();
    claims["aud"] = json!(format!("{}{TOKEN}", world.issuer()));
    with_assertion(&robot, &prover, &robot.header(), &claims).await.ok();
}

#[tokio::test]
async fn fapi2_5_3_2_1_every_access_token_is_bound() {
    for profile in FAPI {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            let robot = robot(&world, Algorithm::ES256).await;
            held.to(&robot, profile).await;
            let watch = world.watch().await;
            robot.token(&CLIENT_CREDENTIALS).await.refused(400, "invalid_request");
            watch.only_a_refusal("a request for a bearer token").await;
            // [protocol.md 6] before anything is told of what is asked for.
            robot.token(&[("grant_type", CIBA), ("auth_req_id", "x")]).await.refused(400, "invalid_request");
            robot.token(&[("grant_type", "refresh_token")]).await.refused(400, "invalid_request");
            let tokens = world.prover().token(&robot, &CLIENT_CREDENTIALS).await.ok();
            assert_eq!(tokens["token_type"], "DPoP");
            let proof_by_rsa = world.prover_with(Algorithm::RS256).token(&robot, &CLIENT_CREDENTIALS).await;
            proof_by_rsa.refused(400, "invalid_dpop_proof");
            world.prover_with(Algorithm::PS256).token(&robot, &CLIENT_CREDENTIALS).await.ok();
        }
    }
}

#[tokio::test]
async fn what_a_client_was_given_before_is_no_bearer_token_any_more() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().refresh().private_key_jwt(Algorithm::ES256).await;
    let callback = world.browser().log_in(&shop, "alice", PASSWORD).await;
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    world.userinfo(&tokens.access_token).await.ok();
    Held::ByItself.to(&shop, Profile::Fapi2Security).await;
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    let refresh = tokens.refresh_token.as_deref().unwrap();
    shop.refresh(refresh).await.refused(400, "invalid_request");
    let prover = world.prover();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let refreshed = prover.token(&shop, &fields).await.tokens();
    prover.userinfo(&refreshed.access_token).await.ok();
}

#[tokio::test]
async fn fapi2_5_3_2_1_a_refresh_token_stays() {
    for profile in FAPI2 {
        let world = World::start().await;
        let alice = world.user("alice").with_phone().await;
        let shop = world.client("shop").refresh().opaque().private_key_jwt(Algorithm::ES256).await;
        let (prover, first) = (world.prover(), shop.log_in(&alice).await);
        Held::ByItself.to(&shop, profile).await;
        let refresh =
            async |token: &str| prover.token(&shop, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
        let token = first.refresh_token.as_deref().unwrap();
        for _ in 0..3 {
            // Each use is one: it does not end for being idle.
            world.clock.advance(seconds(13 * 86_400));
            let tokens = refresh(token).await.tokens();
            assert_eq!(tokens.refresh_token.as_deref(), Some(token), "{profile}");
            prover.userinfo(&tokens.access_token).await.ok();
        }
        world.clock.advance(seconds(14 * 86_400));
        refresh(token).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_refresh_token_that_stays_ends_as_others_do() {
    let world = World::with().settings(|settings| settings.lifetimes.refresh_absolute = seconds(20 * 86_400));
    let world = world.start().await;
    let alice = world.user("alice").with_phone().await;
    let shop = world.client("shop").refresh().opaque().private_key_jwt(Algorithm::ES256).await;
    let (prover, lasting, revoked) = (world.prover(), shop.log_in(&alice).await, shop.log_in(&alice).await);
    let (lasting, revoked) = (lasting.refresh_token.unwrap(), revoked.refresh_token.unwrap());
    // One that was replaced before is worth nothing, and ends what its thief got.
    let replaced = shop.log_in(&alice).await.refresh_token.unwrap();
    let successor = shop.refresh(&replaced).await.tokens().refresh_token.unwrap();
    Held::ByItself.to(&shop, Profile::Fapi2Security).await;
    let refresh =
        async |token: &str| prover.token(&shop, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
    world.clock.advance(seconds(3600));
    refresh(&successor).await.tokens();
    refresh(&replaced).await.refused(400, "invalid_grant");
    refresh(&successor).await.refused(400, "invalid_grant");
    refresh(&revoked).await.tokens();
    assert_eq!(shop.revoke(&revoked, None).await.status, 200);
    refresh(&revoked).await.refused(400, "invalid_grant");
    // Not idle, and over all the same.
    world.clock.advance(seconds(10 * 86_400));
    refresh(&lasting).await.tokens();
    world.clock.advance(seconds(10 * 86_400));
    refresh(&lasting).await.refused(400, "invalid_grant");
}

/// A thumbprint names no algorithm: one RSA key can do both.
#[tokio::test]
async fn fapi2_5_4_1_no_holder_of_a_token_proves_it_by_pkcs1() {
    for profile in FAPI2 {
        let world = World::start().await;
        let alice = world.user("alice").with_phone().await;
        let shop = world.client("shop").refresh().private_key_jwt(Algorithm::ES256).await;
        let first = shop.log_in(&alice).await;
        Held::ByItself.to(&shop, profile).await;
        let prover = world.prover_with(Algorithm::PS256);
        let token = first.refresh_token.as_deref().unwrap();
        let tokens = prover.token(&shop, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await.tokens();
        prover.userinfo(&tokens.access_token).await.ok();
        let answer = prover.by(Algorithm::RS256).userinfo(&tokens.access_token).await;
        answer.refused(401, "invalid_dpop_proof");
    }
}

#[tokio::test]
async fn access_tokens_live_for_ten_minutes_at_most() {
    for (profile, lifetime) in [(Profile::Fapi2Security, 600), (Profile::OAuth21, 3600)] {
        for held in Held::WAYS {
            let world = held.world(profile).settings(|settings| settings.lifetimes.access = seconds(3600));
            let world = world.start().await;
            let robot = robot(&world, Algorithm::ES256).await;
            held.to(&robot, profile).await;
            let tokens = world.prover().token(&robot, &CLIENT_CREDENTIALS).await.ok();
            assert_eq!(tokens["expires_in"], lifetime, "{profile} {held:?}");
            let (_, claims) = decoded(tokens["access_token"].as_str().unwrap());
            assert_eq!(claims["exp"], world.now().seconds() + lifetime);
        }
    }
}

type Change = fn(&mut nod::domain::client::Client);

#[tokio::test]
async fn fapi2_5_4_1_nothing_is_signed_for_a_client_by_pkcs1() {
    for profile in FAPI {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            let shop = world.client("shop").signs_in().private_key_jwt(Algorithm::ES256).await;
            held.to(&shop, profile).await;
            let changes: [Change; 4] = [
                |client| client.id_token_signed_response_alg = Algorithm::RS256,
                |client| client.userinfo_signed_response_alg = Some(Algorithm::RS256),
                |client| client.introspection_signed_response_alg = Some(Algorithm::RS256),
                |client| {
                    client.sign_in.as_mut().unwrap().authorization_signed_response_alg = Some(Algorithm::RS256);
                },
            ];
            let undo: [Change; 4] = [
                |client| client.id_token_signed_response_alg = Algorithm::PS256,
                |client| client.userinfo_signed_response_alg = None,
                |client| client.introspection_signed_response_alg = None,
                |client| client.sign_in.as_mut().unwrap().authorization_signed_response_alg = None,
            ];
            for (change, undo) in changes.into_iter().zip(undo) {
                shop.update(change).await;
                let answer = shop.post(INTROSPECT, &[("token", "x")]).await;
                answer.refused(400, "unauthorized_client");
                let told = answer.json()["error_description"].as_str().unwrap().to_owned();
                assert!(told.contains("_signed_response_alg: the security profile"), "{told}");
                shop.update(undo).await;
                shop.post(INTROSPECT, &[("token", "x")]).await.ok();
            }
            // [RFC 9701 §6] where nothing is registered, it is not RS256 either.
            let call = shop.form(INTROSPECT, &[("token", "x")]);
            let answer = Answer::of(call.header("accept", "application/token-introspection+jwt")).await;
            assert_eq!(decoded(&answer.text()).0["alg"], "PS256");
        }
    }
}
