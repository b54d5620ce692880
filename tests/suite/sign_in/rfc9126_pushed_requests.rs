//! RFC 9126: the client says itself what it wants, before it sends the browser.

use futures_util::future::join_all;
use nod::protocol::algorithm::Algorithm;
use serde_json::json;

use super::{PASSWORD, shop_and_alice};
use crate::world::{
    AUTHORIZE, Answer, Backing, Browser, CALLBACK, Callback, Client, PAR, Page, World, asked, enc, seconds,
};

/// The request of a client, pushed, with what a test adds or replaces.
pub(crate) async fn push(client: &Client, fields: &[(&str, &str)]) -> Answer {
    let form = asked(client, fields);
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // Who it is, is said once.
    let pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| *name != "client_id").collect();
    client.post(PAR, &pairs).await
}

#[track_caller]
pub(crate) fn request_uri(pushed: &Answer) -> String {
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    pushed.json()["request_uri"].as_str().unwrap().to_owned()
}

/// What a browser brings then.
pub(crate) async fn bring(browser: &mut Browser, client: &Client, uri: &str) -> Result<Page, Callback> {
    browser.open(&format!("{AUTHORIZE}?{}", enc(&[("client_id", client.id.as_str()), ("request_uri", uri)]))).await
}

#[tokio::test]
async fn rfc9126_2_a_request_is_pushed_and_brought_once() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let pushed = push(&shop, &[]).await;
    assert_eq!((pushed.status, pushed.header("cache-control")), (201, Some("no-store")));
    assert_eq!(pushed.json()["expires_in"], 60);
    let uri = request_uri(&pushed);
    let id = uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap();
    assert_eq!(id.len(), 43, "[RFC 9126 §7.1] nobody guesses it");

    let mut browser = world.browser();
    let page = bring(&mut browser, &shop, &uri).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    assert_eq!((callback.get("state"), callback.get("iss")), ("a state", world.issuer()));
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    let (_, claims) = crate::world::decoded(&tokens.id_token);
    assert_eq!((&claims["nonce"], &claims["sub"]), (&json!("a nonce"), &json!(alice.id.to_string())));

    // A second time it is nothing, and nobody knows where to tell that.
    let again = bring(&mut browser, &shop, &uri).await.unwrap();
    assert_eq!(again.answer.status, 400);
    // With an address that is registered, the client is told.
    let told = [("client_id", shop.id.as_str()), ("request_uri", &uri), ("redirect_uri", CALLBACK), ("state", "s")];
    let told = browser.open(&format!("{AUTHORIZE}?{}", enc(&told))).await.unwrap_err();
    assert_eq!(told.error("invalid_request_uri").get("state"), "s");
}

#[tokio::test]
async fn rfc9126_4_what_was_pushed_counts_and_nothing_that_the_browser_adds() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let uri = request_uri(&push(&shop, &[("scope", "openid"), ("prompt", "none")]).await);
    let added = [("scope", "openid email"), ("state", "another"), ("prompt", "login"), ("redirect_uri", CALLBACK)];
    let fields = [&[("client_id", shop.id.as_str()), ("request_uri", uri.as_str())], &added[..]].concat();
    let callback = browser.open(&format!("{AUTHORIZE}?{}", enc(&fields))).await.unwrap_err();
    assert_eq!(callback.error("login_required").get("state"), "a state");
    // Nor a second request beside it.
    let uri = request_uri(&push(&shop, &[]).await);
    let both = [("client_id", shop.id.as_str()), ("request_uri", &uri), ("request", "x"), ("redirect_uri", CALLBACK)];
    let both = browser.open(&format!("{AUTHORIZE}?{}", enc(&both))).await.unwrap_err();
    both.error("invalid_request");
    bring(&mut browser, &shop, &uri).await.unwrap().has("name=\"password\"");
}

#[tokio::test]
async fn rfc9126_2_2_it_is_its_clients_and_lives_for_a_minute() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let thief = world.client("thief").signs_in().await;
    let mut browser = world.browser();
    let uri = request_uri(&push(&shop, &[]).await);
    let watch = world.watch().await;
    assert_eq!(bring(&mut browser, &thief, &uri).await.unwrap().answer.status, 400);
    watch.only_a_refusal("another client's request_uri").await;
    world.clock.advance(seconds(59));
    bring(&mut browser, &shop, &uri).await.unwrap().has("name=\"password\"");
    let uri = request_uri(&push(&shop, &[]).await);
    world.clock.advance(seconds(60));
    assert_eq!(bring(&mut browser, &shop, &uri).await.unwrap().answer.status, 400);
    for made_up in ["urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:x"] {
        assert_eq!(bring(&mut browser, &shop, made_up).await.unwrap().answer.status, 400, "{made_up}");
    }
}

#[tokio::test]
async fn rfc9126_2_1_whoever_pushes_authenticates_as_at_the_token_endpoint() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let mut browser = world.browser();
    for client in [
        world.client("keys").signs_in().private_key_jwt(Algorithm::ES256).await,
        world.client("post").signs_in().secret_post().await,
        world.client("spa").signs_in().public().await,
    ] {
        let uri = request_uri(&push(&client, &[]).await);
        bring(&mut browser, &client, &uri).await.unwrap().has("name=\"password\"");
    }
    let shop = world.client("shop").signs_in().await;
    let form = asked(&shop, &[]);
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Answer::of(shop.bare(PAR, &pairs)).await.refused(401, "invalid_client");
    let wrong = shop.bare(PAR, &pairs).header("authorization", crate::world::basic("shop", "wrong"));
    Answer::of(wrong).await.refused(401, "invalid_client");
    // [protocol.md C42] one that says to be another.
    let other = [("client_id", "spa"), ("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "openid")];
    let answer = shop.post(PAR, &other).await;
    assert!([400, 401].contains(&answer.status), "{}", answer.text());
    // One that has nobody sign in.
    let till = world.client("till").await;
    push(&till, &[]).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn rfc9126_2_3_the_client_is_told_what_the_authorization_endpoint_would_say() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    for (fields, error) in [
        ([("redirect_uri", "https://evil.test/cb")], "invalid_request"),
        ([("redirect_uri", "")], "invalid_request"),
        ([("response_type", "")], "invalid_request"),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_type", "id_token")], "unauthorized_client"),
        ([("scope", "openid admin")], "invalid_scope"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("response_mode", "web_message")], "invalid_request"),
        ([("prompt", "none login")], "invalid_request"),
        ([("registration", "{}")], "registration_not_supported"),
        // [RFC 9126 §2.1]
        ([("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request"),
        ([("request", "x")], "request_not_supported"),
    ] {
        let watch = world.watch().await;
        push(&shop, &fields).await.refused(400, error);
        watch.only_a_refusal(error).await;
    }
    // Nothing but POST.
    assert_eq!(world.get(PAR).await.status, 405);
}

#[tokio::test]
async fn security_51_who_has_to_push_is_not_heard_otherwise() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    shop.update(|shop| shop.sign_in.as_mut().unwrap().requests.pushed = true).await;
    let mut browser = world.browser();
    browser.authorize(&shop, &[]).await.unwrap_err().error("invalid_request");
    let uri = request_uri(&push(&shop, &[]).await);
    bring(&mut browser, &shop, &uri).await.unwrap().has("name=\"password\"");
    // The backchannel endpoint needs no browser.
    let alice = world.user("carol").with_phone().await;
    shop.log_in(&alice).await;
    // All clients of a server.
    let world = World::with().settings(|settings| settings.authorization.require_pushed = true).start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let metadata = world.get(crate::world::DISCOVERY).await.json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    let mut browser = world.browser();
    browser.authorize(&shop, &[]).await.unwrap_err().error("invalid_request");
    bring(&mut browser, &shop, &request_uri(&push(&shop, &[]).await)).await.unwrap().has("name=\"password\"");
}

/// [reliability R16] Whichever node it was pushed to, whichever the browsers come to.
#[tokio::test]
async fn r16_of_many_browsers_with_one_request_one_is_heard() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let (shop, _alice) = shop_and_alice(&world).await;
        let mut heard = 0;
        for round in 0..8 {
            let uri = request_uri(&push(&shop.at(round % 2), &[]).await);
            let visits = (0..16).map(|number| {
                let (mut browser, shop, uri) = (world.browser().at(number % 2), shop.clone(), uri.clone());
                async move { bring(&mut browser, &shop, &uri).await.unwrap().answer.status }
            });
            let answers = join_all(visits).await;
            let pages = answers.iter().filter(|status| **status == 200).count();
            // On a busy machine the store of the one that is heard may be too late.
            assert!(pages == 1 || (pages == 0 && answers.contains(&503)), "{answers:?}");
            assert!(answers.iter().all(|status| [200, 400, 503].contains(status)), "{answers:?}");
            heard += pages;
        }
        assert!(heard > 0, "nobody was heard");
    }
}
