//! OpenID Connect Core §5.5: single claims.

use nod::domain::client::{GrantType, TokenExchange};
use nod::protocol::id::ClientId;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::world::{Browser, Callback, Client, World, decoded};

async fn scene(world: &World) -> (Client, Browser) {
    world.user("alice").with_password(PASSWORD).await;
    (world.client("shop").signs_in().await, world.browser())
}

/// Signs in where the form is; the person agrees to the scopes that are named.
async fn with(browser: &mut Browser, shop: &Client, claims: &Value, agrees: &[&str]) -> Result<Callback, String> {
    beside("openid", browser, shop, claims, agrees).await
}

/// Claims beside a scope.
async fn beside(
    scope: &str,
    browser: &mut Browser,
    shop: &Client,
    claims: &Value,
    agrees: &[&str],
) -> Result<Callback, String> {
    let text = claims.to_string();
    let fields = [("scope", scope), ("claims", text.as_str())];
    let page = match browser.authorize(shop, &fields).await {
        Ok(page) => page,
        Err(callback) => return Ok(callback),
    };
    let pressed = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await;
    match pressed {
        Err(callback) => Ok(callback),
        Ok(page) => {
            let shown = page.answer.text();
            let boxes: Vec<String> = agrees.iter().map(|scope| format!("scope:{scope}")).collect();
            let ticked: Vec<(&str, &str)> = boxes.iter().map(|name| (name.as_str(), "on")).collect();
            browser.press(&page, "allow", &ticked).await.err().ok_or(shown)
        }
    }
}

#[tokio::test]
async fn oidcc_5_5_a_claim_goes_where_it_is_wanted() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let claims = json!({
        "userinfo": {"email": {"essential": true}, "nickname": null},
        "id_token": {"name": null, "preferred_username": null, "auth_time": {"essential": true}},
    });
    let callback = with(&mut browser, &shop, &claims, &["email", "profile"]).await.unwrap();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(tokens.json["scope"], "openid", "no scope more than was asked for");
    let (_, id_token) = decoded(&tokens.id_token);
    assert_eq!(id_token["preferred_username"], "alice");
    assert!(id_token["name"].is_string() && id_token["auth_time"].is_i64());
    assert!(id_token.get("email").is_none());
    let userinfo = world.userinfo(&tokens.access_token).await.ok();
    assert!(userinfo["email"].is_string());
    for name in ["name", "preferred_username", "email_verified", "nickname"] {
        assert!(userinfo.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn oidcc_5_5_nobody_is_told_what_the_person_did_not_agree_to() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let claims = json!({"userinfo": {"email": null, "name": null}, "id_token": {"email": null}});
    let callback = with(&mut browser, &shop, &claims, &["profile"]).await.unwrap();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    let userinfo = world.userinfo(&tokens.access_token).await.ok();
    assert!(userinfo["name"].is_string() && userinfo.get("email").is_none());
    assert!(decoded(&tokens.id_token).1.get("email").is_none());
    // Nor what the client is not registered for, or no more.
    let both = with(&mut world.browser(), &shop, &claims, &["profile", "email"]).await.unwrap();
    let both = shop.redeem(both.get("code")).await.tokens();
    assert!(world.userinfo(&both.access_token).await.ok()["email"].is_string());
    shop.update(|shop| shop.scope = nod::protocol::scope::Scope::parse("openid profile").unwrap()).await;
    assert!(world.userinfo(&both.access_token).await.ok().get("email").is_none());
    let fresh = &mut world.browser();
    let callback = with(fresh, &shop, &claims, &["profile", "email"]).await.unwrap();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert!(world.userinfo(&tokens.access_token).await.ok().get("email").is_none());
}

/// [OIDCC §5.5.1] "requests that the claim be returned with a particular value": with another, it is not, and
/// "the authorization server must not generate an error", be it essential.
#[tokio::test]
async fn oidcc_5_5_1_a_claim_with_another_value_is_left_out() {
    let world = World::start().await;
    let (shop, _) = scene(&world).await;
    let of = |email: &Value, name: &Value| json!({"userinfo": {"email": email, "name": name}, "id_token": {"email": email, "name": name}});
    let tells = async |claims: &Value, scope: &str| {
        let agrees = ["email", "profile"];
        let callback = beside(scope, &mut world.browser(), &shop, claims, &agrees).await.unwrap();
        let tokens = shop.redeem(callback.get("code")).await.tokens();
        let told = [world.userinfo(&tokens.access_token).await.ok(), decoded(&tokens.id_token).1];
        told.map(|told| ["email", "name"].map(|name| told.get(name).is_some()))
    };
    let own = world.parts().directory.user_by_username("alice").await.unwrap().unwrap();
    let (email, name) = (own.email.clone().unwrap(), own.name.clone().unwrap());
    let other = json!({"value": "other"});
    assert_eq!(tells(&of(&json!({"value": email}), &other), "openid").await, [[true, false]; 2]);
    let essential = json!({"essential": true, "value": "mallory@example.com"});
    let one_of = json!({"values": ["Somebody", name]});
    assert_eq!(tells(&of(&essential, &one_of), "openid").await, [[false, true]; 2]);
    // It is not the scope that wants a certain one.
    assert_eq!(tells(&of(&essential, &other), "openid email").await, [[true, false], [false, false]]);
}

/// The members of UserInfo that a token is good for, besides `sub` and those of `profile`.
async fn tells(world: &World, token: &str, wanted: [bool; 2]) {
    let told = world.userinfo(token).await.ok();
    assert_eq!(["name", "email"].map(|name| told.get(name).is_some()), wanted, "{told}");
}

#[tokio::test]
async fn rfc6749_6_a_token_for_less_tells_no_single_claims() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let claims = json!({"userinfo": {"email": null}});
    for opaque in [false, true] {
        let shop = world.client(if opaque { "opaque" } else { "jwt" }).signs_in().refresh();
        let shop = if opaque { shop.opaque() } else { shop }.await;
        let callback = beside("openid profile", &mut world.browser(), &shop, &claims, &["profile", "email"]).await;
        let tokens = shop.redeem(callback.unwrap().get("code")).await.tokens();
        tells(&world, &tokens.access_token, [true, true]).await;
        let refresh = tokens.refresh_token.unwrap();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", "openid")];
        let narrowed = shop.token(&fields).await.tokens();
        tells(&world, &narrowed.access_token, [false, false]).await;
        // The next one is for all of it again.
        let whole = shop.refresh(narrowed.refresh_token.as_deref().unwrap()).await.tokens();
        tells(&world, &whole.access_token, [true, true]).await;
    }
}

#[tokio::test]
async fn rfc8693_1_1_an_exchanged_token_tells_no_single_claims() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in();
    let shop = shop.registered(|client| client.may_act = ClientId::parse("backend")).await;
    for (impersonation, id) in [(false, "backend"), (true, "other")] {
        let backend = world.client(id).grants([GrantType::TokenExchange]).registered(|client| {
            client.backchannel = None;
            client.token_exchange = Some(TokenExchange { audiences: Vec::new(), impersonation });
        });
        let backend = backend.await;
        shop.update(move |shop| shop.may_act = ClientId::parse(id)).await;
        let claims = json!({"userinfo": {"email": null}});
        let callback = beside("openid profile", &mut world.browser(), &shop, &claims, &["profile", "email"]).await;
        let tokens = shop.redeem(callback.unwrap().get("code")).await.tokens();
        tells(&world, &tokens.access_token, [true, true]).await;
        let exchanged = backend
            .token(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", &tokens.access_token),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ])
            .await
            .ok();
        tells(&world, exchanged["access_token"].as_str().unwrap(), [true, false]).await;
    }
}

#[tokio::test]
async fn oidcc_5_5_1_1_an_essential_class_that_cannot_be_had_is_a_failure() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let of = |acr: Value| json!({"id_token": {"acr": acr}});
    let can = of(json!({"essential": true, "values": ["urn:nod:acr:password"]}));
    let callback = with(&mut browser, &shop, &can, &[]).await.unwrap();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(decoded(&tokens.id_token).1["acr"], "urn:nod:acr:password");
    let cannot = of(json!({"essential": true, "value": "urn:example:gold"}));
    let callback = with(&mut world.browser(), &shop, &cannot, &[]).await.unwrap();
    callback.error("unmet_authentication_requirements");
    // A wish is a wish.
    let wish = of(json!({"values": ["urn:example:gold"]}));
    with(&mut world.browser(), &shop, &wish, &[]).await.unwrap().get("code");
}

#[tokio::test]
async fn oidcc_5_5_sub_names_who_has_to_sign_in() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let bob = world.user("bob").with_password("another long password of bob").await;
    let alice = {
        let callback = with(&mut browser, &shop, &json!({}), &[]).await.unwrap();
        let tokens = shop.redeem(callback.get("code")).await.tokens();
        decoded(&tokens.id_token).1["sub"].as_str().unwrap().to_owned()
    };
    let wants = |sub: &str| json!({"id_token": {"sub": {"value": sub}}}).to_string();
    let fields = [("scope", "openid"), ("prompt", "none")];
    let own = wants(&alice);
    browser.authorize(&shop, &[&fields[..], &[("claims", own.as_str())]].concat()).await.unwrap_err().get("code");
    let other = wants(&bob.id.to_string());
    let asked = [&fields[..], &[("claims", other.as_str())]].concat();
    browser.authorize(&shop, &asked).await.unwrap_err().error("login_required");
    // Alice signs in where Bob is meant.
    let page = browser.authorize(&shop, &[("scope", "openid"), ("claims", other.as_str())]).await.unwrap();
    let pressed = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await;
    pressed.unwrap_err().error("login_required");
}

#[tokio::test]
async fn oidcc_5_5_what_is_no_claims_request_is_refused() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    for bad in ["x", "[]", r#"{"userinfo":{"email":1}}"#, r#"{"userinfo":{},"userinfo":{}}"#] {
        browser.authorize(&shop, &[("claims", bad)]).await.unwrap_err().error("invalid_request");
    }
    browser.authorize(&shop, &[("claims", r#"{"userinfo":{"xyz":null},"x":1}"#)]).await.unwrap().has("password");
}
