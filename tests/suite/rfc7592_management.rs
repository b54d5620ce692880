//! What a client makes of its own registration [RFC 7592], against whoever would make more of it than there was.

use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rfc7591_registration::{Own, initial_token, invited, open, register, registered, shop};
use crate::world::{AUTHORIZE, Answer, Jwk, TOKEN, World, asked};

const PASSWORD: &str = "correct horse battery staple";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

impl Own {
    fn id(&self) -> &str {
        self.json["client_id"].as_str().unwrap()
    }

    fn secret(&self) -> &str {
        self.json["client_secret"].as_str().unwrap()
    }

    fn admin_path(&self) -> String {
        format!("/admin/v1/clients/{}", self.id())
    }

    /// Where that one is, with this token.
    fn at(&self, other: &Self) -> Self {
        Self { path: other.path.clone(), token: self.token.clone(), json: other.json.clone() }
    }

    /// All of it anew: as a shop, but for these members. `null` leaves one out.
    fn changed(&self, members: &Value) -> Value {
        let mut body = shop();
        body["client_id"] = json!(self.id());
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    /// A change that is made. It has a token of its own.
    async fn becomes(&mut self, world: &World, members: &Value) -> &mut Self {
        let answer = self.put(world, &self.changed(members)).await;
        assert_eq!(answer.status, 200, "{members}: {}", answer.text());
        *self = Self::of(world, &answer);
        self
    }

    /// A change that is not.
    async fn stays(&self, world: &World, members: &Value) {
        let before = world.rows("client").await;
        self.put(world, &self.changed(members)).await.refused(400, "invalid_client_metadata");
        assert_eq!(world.rows("client").await, before, "{members}");
    }

    /// Nothing can be done with this token there.
    async fn is_locked_out(&self, world: &World, what: &str) {
        let before = world.rows("client").await;
        for method in [Method::GET, Method::DELETE] {
            self.call(world, method).await.refused(401, "invalid_token");
        }
        self.put(world, &self.changed(&json!({ "client_name": "Taken over" }))).await.refused(401, "invalid_token");
        assert_eq!(world.rows("client").await, before, "{what}");
    }
}

#[tokio::test]
async fn security_145_one_registration_access_token_is_good_for_one_client_once() {
    let world = open().start().await;
    let admin = world.admin().await;
    let (mut own, other) = (registered(&world, &shop()).await, registered(&world, &shop()).await);
    other.at(&own).is_locked_out(&world, "the token of another client").await;
    let used = own.at(&own);
    own.becomes(&world, &json!({})).await;
    used.is_locked_out(&world, "a token that was replaced").await;
    own.call(&world, Method::GET).await.ok();

    // Switched off, it does not switch itself on.
    admin.patch(&own.admin_path(), &json!({ "disabled": true })).await.ok();
    own.is_locked_out(&world, "a client that was switched off").await;
    let again = own.changed(&json!({ "disabled": false }));
    own.put(&world, &again).await.refused(401, "invalid_token");
    let client = world.known_client(own.id(), other.secret());
    client.token(&[("grant_type", "authorization_code"), ("code", "x")]).await.refused(401, "invalid_client");
    assert_eq!(admin.get(&own.admin_path()).await.ok()["disabled"], true);
}

/// Whoever may register little does not register as that, and then become more.
#[tokio::test]
async fn security_145_a_change_gives_nothing_that_a_registration_would_not() {
    let world = open().start().await;
    let admin = world.admin().await;
    let mut own = registered(&world, &shop()).await;
    for grants in [
        json!(["authorization_code", CIBA]),
        json!(["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]),
        json!(["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]),
    ] {
        own.stays(&world, &json!({ "grant_types": grants })).await;
    }
    let administers =
        json!({ "grant_types": ["authorization_code", "client_credentials"], "scope": "openid nod:admin" });
    own.becomes(&world, &administers).await;
    assert_eq!(admin.get(&own.admin_path()).await.ok()["scope"], "openid");
    let alone = json!({ "grant_types": [CIBA], "redirect_uris": null, "response_types": [] });
    own.stays(&world, &alone).await;
    let proves =
        json!({ "grant_types": ["authorization_code", "client_credentials"], "token_endpoint_auth_method": "none" });
    own.stays(&world, &proves).await;
    let more = json!({ "scope": "openid email payments", "redirectless": true, "cookieless": true,
        "implied_consent": true, "require_pkce": false, "long_poll": true, "resources": ["https://api.example"],
        "token_exchange_impersonation": true, "may_act": own.id() });
    own.stays(&world, &json!({ "authorization_details_types": ["payment"] })).await;
    let before = admin.get(&own.admin_path()).await.ok();
    own.becomes(&world, &more).await;
    let after = admin.get(&own.admin_path()).await.ok();
    assert_eq!(after["scope"], "openid email");
    for member in more.as_object().unwrap().keys().filter(|member| *member != "scope") {
        assert_eq!(after[member], before[member], "{member}");
    }
    // Nor does one that was invited.
    let world = invited().start().await;
    let admin = world.admin().await;
    let (token, _) = initial_token(&admin, &json!({})).await;
    let own = Own::of(&world, &register(&world, Some(&token), &shop()).await);
    own.stays(&world, &administers).await;
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let exchanges = json!({ "grant_types": ["authorization_code", exchange] });
    own.stays(&world, &exchanges).await;
}

/// What is left out has its default, and that has to do as well.
#[tokio::test]
async fn security_145_what_comes_of_a_change_meets_the_profile() {
    let keys = json!({ "keys": [Jwk::for_algorithm(Algorithm::PS256).public()] });
    let by_key = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys,
        "token_endpoint_auth_signing_alg": "PS256", "id_token_signed_response_alg": "PS256" });
    for of_server in [true, false] {
        let profile = of_server.then_some(Profile::Fapi2Security);
        let world = open().settings(move |settings| settings.profiles.server = profile).start().await;
        let mut asked = shop();
        asked.as_object_mut().unwrap().extend(by_key.as_object().unwrap().clone());
        let mut own = registered(&world, &asked).await;
        if !of_server {
            let profile = json!({ "security_profile": "fapi2-security" });
            world.admin().await.patch(&own.admin_path(), &profile).await.ok();
        }
        let with = |members: &Value| {
            let mut all = by_key.clone();
            all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            all
        };
        for members in [
            json!({ "token_endpoint_auth_method": null, "token_endpoint_auth_signing_alg": null }),
            json!({ "token_endpoint_auth_method": "none", "token_endpoint_auth_signing_alg": null }),
            json!({ "token_endpoint_auth_method": "client_secret_basic", "token_endpoint_auth_signing_alg": null }),
            json!({ "token_endpoint_auth_signing_alg": "RS256" }),
            json!({ "id_token_signed_response_alg": "RS256" }),
            json!({ "userinfo_signed_response_alg": "RS256" }),
            json!({ "request_object_signing_alg": "RS256" }),
            json!({ "grant_types": ["implicit"], "response_types": ["id_token"] }),
        ] {
            own.stays(&world, &with(&members)).await;
            // Its own word does not lift it either.
            let mut lifted = with(&members);
            lifted["security_profile"] = json!(null);
            own.stays(&world, &lifted).await;
        }
        own.becomes(&world, &with(&json!({ "client_name": "As good as before" }))).await;
    }
}

/// From one that keeps a secret to one that has none, and back.
#[tokio::test]
async fn security_145_a_client_that_becomes_public_is_held_to_what_a_public_one_is() {
    let world = open().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let mut own = registered(&world, &shop()).await;
    let client = world.known_client(own.id(), own.secret());
    let (first, mut browser) = (own.secret().to_owned(), world.browser());
    let without_challenge = [("code_challenge", ""), ("code_challenge_method", "")];
    let page = browser.authorize(&client, &without_challenge).await.unwrap();
    page.has("name=\"password\"");
    own.becomes(&world, &json!({ "token_endpoint_auth_method": "none" })).await;
    assert_eq!(own.json.get("client_secret"), None);
    browser.authorize(&client, &without_challenge).await.unwrap_err().error("invalid_request");
    let code = browser.log_in(&client, "alice", PASSWORD).await.get("code").to_owned();
    client.redeem(&code).await.refused(401, "invalid_client");

    own.becomes(&world, &json!({})).await;
    assert_ne!(own.secret(), first);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    client.token(&fields).await.refused(401, "invalid_client");
    let bare = [&fields[..], &[("client_id", own.id())]].concat();
    Answer::of(client.bare(TOKEN, &bare)).await.refused(401, "invalid_client");
    // What it had to do as a public one, it goes on doing.
    browser.authorize(&client, &without_challenge).await.unwrap_err().error("invalid_request");
    assert_eq!(browser.get(&format!("{AUTHORIZE}?{}", asked(&client, &[]))).await.status, 303);
}

/// What an operator demands of a way to sign in is not shaken off by leaving that way, and coming back.
#[tokio::test]
async fn security_145_no_detour_leads_past_what_an_operator_said() {
    let world = open().start().await;
    let admin = world.admin().await;
    let staff = json!({ "id": "staff", "steps": [{ "id": "password", "source": "password" }] });
    assert_eq!(admin.post("/admin/v1/policies", &staff).await.status, 201);
    let elsewhere = json!({ "grant_types": ["client_credentials"], "redirect_uris": null, "response_types": [],
        "scope": "email" });
    for said in [json!({ "sign_on_policy": "staff" }), json!({ "require_pkce": true })] {
        let mut own = registered(&world, &shop()).await;
        admin.patch(&own.admin_path(), &said).await.ok();
        own.stays(&world, &elsewhere).await;
        own.becomes(&world, &json!({})).await;
        let (member, value) = said.as_object().unwrap().iter().next().unwrap();
        assert_eq!(admin.get(&own.admin_path()).await.ok()[member], *value);
    }
    // Of whom nothing is demanded, it is their own business.
    let mut own = registered(&world, &shop()).await;
    own.becomes(&world, &elsewhere).await.becomes(&world, &json!({})).await;
    own.becomes(&world, &json!({ "token_endpoint_auth_method": "none" })).await;

    let world = invited().start().await;
    let admin = world.admin().await;
    let (token, _) = initial_token(&admin, &json!({ "max_uses": 5 })).await;
    let asked = json!({ "grant_types": [CIBA], "response_types": [], "backchannel_token_delivery_mode": "poll" });
    for said in [json!({ "require_hint_token": true }), json!({ "number_matching": "type" })] {
        let own = Own::of(&world, &register(&world, Some(&token), &asked).await);
        admin.patch(&own.admin_path(), &said).await.ok();
        own.stays(&world, &json!({})).await;
    }
}
