//! At the authorization endpoint, and where requests are pushed to it.

use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::authorization_request::ResponseType;
use serde_json::{Value, json};

use super::{FAPI, FAPI2, Held};
use crate::sign_in::PASSWORD;
use crate::world::{
    AUTHORIZE, Answer, Browser, CALLBACK, CHALLENGE, Callback, Client, PAR, Page, Prover, VERIFIER, World, asked,
    decoded, enc,
};

/// The request of a client, pushed, with what a test adds or replaces.
async fn push(client: &Client, fields: &[(&str, &str)]) -> Answer {
    let form = asked(client, fields);
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // Who it is, is said once.
    client.post(PAR, &pairs.filter(|(name, _)| *name != "client_id").collect::<Vec<_>>()).await
}

/// A request object with what a test adds or replaces; `null` removes one.
fn signed(world: &World, client: &Client, change: &Value) -> String {
    let now = world.now().seconds();
    let mut claims = json!({
        "iss": client.id, "aud": world.issuer(), "nbf": now, "iat": now, "exp": now + 300,
        "client_id": client.id, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid profile email",
        "state": "signed", "nonce": "a nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        "response_mode": "jwt",
    });
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    client.key().jws(&client.header(), &claims)
}

/// What a browser brings of a request that was pushed.
async fn bring(browser: &mut Browser, client: &Client, pushed: &Answer) -> Result<Page, Callback> {
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    browser.open(&format!("{AUTHORIZE}?{}", enc(&[("client_id", client.id.as_str()), ("request_uri", &uri)]))).await
}

async fn redeem(prover: &Prover, client: &Client, code: &str) -> Answer {
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
    prover.token(client, &[&fields[..], &[("code_verifier", VERIFIER)]].concat()).await
}

/// A client that may do without whatever a profile demands.
async fn scene(world: &World, held: Held, profile: Profile) -> (Client, Browser) {
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().private_key_jwt(Algorithm::ES256).await;
    held.to(&shop, profile).await;
    (shop, world.browser())
}

#[tokio::test]
async fn oauth21_4_1_1_every_request_has_a_challenge() {
    for held in Held::WAYS {
        let world = held.world(Profile::OAuth21).start().await;
        let (shop, mut browser) = scene(&world, held, Profile::OAuth21).await;
        let bare = [("code_challenge", ""), ("code_challenge_method", "")];
        browser.authorize(&shop, &bare).await.unwrap_err().error("invalid_request");
        push(&shop, &bare).await.refused(400, "invalid_request");
        let callback = browser.log_in(&shop, "alice", PASSWORD).await;
        shop.redeem(callback.get("code")).await.tokens();
    }
    let world = World::start().await;
    let (shop, mut browser) = scene(&world, Held::ByServer, Profile::OAuth21).await;
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    browser.authorize(&shop, &bare).await.unwrap().has("name=\"password\"");
}

#[tokio::test]
async fn fapi2_5_3_2_2_a_request_is_pushed_with_its_challenge_and_its_tokens_are_bound() {
    for held in Held::WAYS {
        let profile = Profile::Fapi2Security;
        let world = held.world(profile).start().await;
        let (shop, mut browser) = scene(&world, held, profile).await;
        browser.authorize(&shop, &[]).await.unwrap_err().error("invalid_request");
        let object = signed(&world, &shop, &json!({}));
        let brought = [("client_id", "shop"), ("request", &object), ("redirect_uri", CALLBACK)];
        let brought = browser.open(&format!("{AUTHORIZE}?{}", enc(&brought))).await.unwrap_err();
        brought.error("invalid_request");
        push(&shop, &[("code_challenge", ""), ("code_challenge_method", "")]).await.refused(400, "invalid_request");
        push(&shop, &[("code_challenge_method", "plain")]).await.refused(400, "invalid_request");
        let page = bring(&mut browser, &shop, &push(&shop, &[]).await).await.unwrap();
        let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        assert_eq!(callback.get("iss"), world.issuer());
        let prover = world.prover();
        let tokens = redeem(&prover, &shop, callback.get("code")).await.tokens();
        assert_eq!(tokens.json["token_type"], "DPoP");
        prover.userinfo(&tokens.access_token).await.ok();
    }
}

#[tokio::test]
async fn fapi2_message_signing_5_requests_and_answers_are_signed() {
    for held in Held::WAYS {
        let profile = Profile::Fapi2MessageSigning;
        let world = held.world(profile).start().await;
        let (shop, mut browser) = scene(&world, held, profile).await;
        push(&shop, &[("response_mode", "jwt")]).await.refused(400, "invalid_request");
        let pushed = async |change: Value| shop.post(PAR, &[("request", &signed(&world, &shop, &change))]).await;
        for mode in [Value::Null, json!("query"), json!("form_post"), json!("fragment")] {
            pushed(json!({ "response_mode": mode })).await.refused(400, "invalid_request");
        }
        pushed(json!({"code_challenge": null, "code_challenge_method": null})).await.refused(400, "invalid_request");
        // [FAPI 2 Message Signing §5.3.1] it says since when it is good.
        pushed(json!({ "nbf": null })).await.refused(400, "invalid_request_object");
        let page = bring(&mut browser, &shop, &pushed(json!({})).await).await.unwrap();
        let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        assert_eq!(callback.0.len(), 1, "nothing beside the JWT: {callback:?}");
        let (_, claims) = world.verified(callback.get("response")).await;
        let tokens = redeem(&world.prover(), &shop, claims["code"].as_str().unwrap()).await.tokens();
        assert_eq!(tokens.json["token_type"], "DPoP");
        // What a browser brings is refused, and so that nobody can make it up.
        let told = browser.authorize(&shop, &[]).await.unwrap_err();
        assert_eq!(world.verified(told.get("response")).await.1["error"], "invalid_request");
    }
}

#[tokio::test]
async fn fapi2_5_4_1_no_request_object_is_signed_by_pkcs1() {
    for profile in FAPI2 {
        let world = Held::ByServer.world(profile).start().await;
        let shop = world.client("shop").signs_in().private_key_jwt(Algorithm::PS256).await;
        let object = signed(&world, &shop, &json!({}));
        let pushed = shop.post(PAR, &[("request", &object)]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text());
        let claims = decoded(&object).1;
        let object = shop.key().jws(&json!({"alg": "RS256", "kid": "shop-key"}), &claims);
        shop.post(PAR, &[("request", &object)]).await.refused(400, "invalid_request_object");
    }
}

#[tokio::test]
async fn a_client_that_does_not_meet_a_profile_is_not_heard() {
    for profile in FAPI {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            world.user("alice").with_password(PASSWORD).await;
            let mut browser = world.browser();
            let (web, spa) = (world.client("web").signs_in().await, world.client("spa").signs_in().public().await);
            let keys = world.client("keys").signs_in().private_key_jwt(Algorithm::ES256);
            let keys = keys.id_token_alg(Algorithm::RS256).await;
            for client in [web, spa, keys] {
                held.to(&client, profile).await;
                let watch = world.watch().await;
                let callback = browser.authorize(&client, &[]).await.unwrap_err();
                let told = match callback.0.get("response") {
                    Some(jwt) => world.verified(jwt).await.1["error"].as_str().unwrap().to_owned(),
                    None => callback.get("error").to_owned(),
                };
                assert_eq!(told, "unauthorized_client", "{profile} {held:?} {}", client.id);
                watch.only_a_refusal("a client that does not meet the profile").await;
            }
        }
    }
}

#[tokio::test]
async fn oauth21_2_1_no_access_token_comes_through_a_browser() {
    for (profile, refused) in [
        (Profile::OAuth21, [ResponseType::CodeToken, ResponseType::IdTokenToken]),
        (Profile::Fapi2Security, [ResponseType::CodeIdToken, ResponseType::IdToken]),
    ] {
        for held in Held::WAYS {
            let world = held.world(profile).start().await;
            let (shop, mut browser) = scene(&world, held, profile).await;
            for kind in refused {
                shop.update(move |shop| shop.sign_in.as_mut().unwrap().response_types = vec![kind]).await;
                let fields = [("response_type", kind.as_str())];
                browser.authorize(&shop, &fields).await.unwrap_err().error("unauthorized_client");
                push(&shop, &fields).await.refused(400, "unauthorized_client");
            }
        }
    }
}
