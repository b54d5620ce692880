//! Tokens that are worth something with a certificate alone [RFC 8705 §3].

use nod::domain::client::{GrantType, TokenExchange};
use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::client_certificate::CertificateSubject;
use reqwest::Method;
use serde_json::{Value, json};

use super::{OWN, Scene};
use crate::sign_in::PASSWORD;
use crate::world::{
    AUTHORIZE, Answer, BC_AUTHORIZE, CALLBACK, CHALLENGE, CIBA, Caller, Client, INTROSPECT, Identity, PAR, TOKEN,
    Tokens, USERINFO, VERIFIER, World, decoded, enc,
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

fn bound_to(identity: &Identity) -> Value {
    json!({ "x5t#S256": identity.thumbprint() })
}

fn cnf(token: &str) -> Value {
    decoded(token).1["cnf"].clone()
}

/// What a client posts, over the connection of somebody.
async fn over(caller: &Caller, client: &Client, fields: &[(&str, &str)]) -> Answer {
    let (_, request) = client.form(TOKEN, fields).build_split();
    let request = request.unwrap();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap().to_vec();
    Answer::of(caller.request(Method::POST, TOKEN).headers(request.headers().clone()).body(body)).await
}

async fn code(world: &World, client: &Client) -> String {
    world.browser().log_in(client, "alice", PASSWORD).await.get("code").to_owned()
}

async fn redeem(caller: &Caller, client: &Client, code: &str) -> Answer {
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    over(caller, client, &fields).await
}

async fn refresh(caller: &Caller, client: &Client, tokens: &Tokens) -> Answer {
    let token = tokens.refresh_token.as_deref().unwrap();
    over(caller, client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

#[tokio::test]
async fn rfc8705_3_tokens_of_each_grant_are_bound_to_the_certificate() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().refresh().certificate_bound().await;
    let tokens = redeem(&caller, &shop, &code(world, &shop).await).await.tokens();
    // [RFC 8705 §3] there is no type of its own.
    assert_eq!(tokens.json["token_type"], "Bearer");
    assert_eq!(cnf(&tokens.access_token), bound_to(&scene.identity));
    let told = shop.introspect(&tokens.access_token).await;
    assert_eq!((&told["token_type"], &told["cnf"]), (&json!("Bearer"), &bound_to(&scene.identity)));
    caller.userinfo(&tokens.access_token).await.ok();
    // [protocol.md G122] who authenticates may have got a new one: the new tokens are for that.
    let other = Identity::self_signed(&crate::world::named("shop"));
    let refreshed = refresh(&world.showing(&other), &shop, &tokens).await.tokens();
    assert_eq!(cnf(&refreshed.access_token), bound_to(&other));

    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).certificate_bound().await;
    let bob = world.user("bob").with_phone().await;
    let asked = bank.ask(&bob).await;
    bob.phone().approve_the_question().await;
    let poll = [("grant_type", CIBA), ("auth_req_id", asked.auth_req_id.as_str())];
    let tokens = over(&caller, &bank, &poll).await.tokens();
    assert_eq!(cnf(&tokens.access_token), bound_to(&scene.identity));

    let robot = scene.robot().certificate_bound().await;
    let own = over(&caller, &robot, &OWN).await.ok();
    assert_eq!(cnf(own["access_token"].as_str().unwrap()), bound_to(&scene.identity));

    // A client that did not ask for it shows a certificate to no effect [RFC 8705 §3.4].
    let plain = world.client("plain").grants([GrantType::ClientCredentials]).scope("reports").await;
    let own = over(&caller, &plain, &OWN).await.ok();
    assert_eq!(cnf(own["access_token"].as_str().unwrap()), Value::Null);
}

#[tokio::test]
async fn rfc8705_3_a_bound_token_is_used_with_its_certificate_alone() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let _alice = world.user("alice").with_password(PASSWORD).await;
    for opaque in [false, true] {
        let id = if opaque { "opaque" } else { "jwt" };
        let shop = world.client(id).signs_in().refresh().certificate_bound();
        let shop = if opaque { shop.opaque() } else { shop }.await;
        let tokens = redeem(&caller, &shop, &code(world, &shop).await).await.tokens();
        let token = tokens.access_token.as_str();
        caller.userinfo(token).await.ok();
        let watch = world.watch().await;
        // [protocol.md I150] another certificate, none, and the port where nobody is asked for one.
        let other = world.showing(&scene.authority.issues(&crate::world::named("robot")));
        other.userinfo(token).await.refused(401, "invalid_token");
        world.caller(None).userinfo(token).await.refused(401, "invalid_token");
        let plain = world.userinfo(token).await;
        plain.refused(401, "invalid_token");
        assert!(plain.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
        // Nor as if it were bound to a key.
        let prover = world.prover();
        prover.userinfo(token).await.refused(401, "invalid_token");
        let mut as_dpop = caller.request(Method::GET, USERINFO).header("authorization", format!("DPoP {token}"));
        as_dpop = as_dpop.header("dpop", prover.proof_with(token));
        Answer::of(as_dpop).await.refused(401, "invalid_token");
        watch.nothing_changed("bound tokens without their certificate").await;
        assert_eq!(shop.introspect(token).await["cnf"], bound_to(&scene.identity));
        let told = Answer::of(caller.form(INTROSPECT, &[("token", token), ("client_id", id)])).await;
        told.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn protocol_e99_without_a_certificate_nothing_is_told_of_the_request() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let bank = world.client("bank").certificate_bound().await;
    let alice = world.user("alice").with_phone().await;
    let asked = bank.ask(&alice).await;
    let watch = world.watch().await;
    // Before pending, and before too early as well: no poll has been counted.
    for _ in 0..3 {
        bank.poll(&asked).await.refused(400, "invalid_request");
    }
    watch.nothing_changed("polls without a certificate").await;
    let poll = [("grant_type", CIBA), ("auth_req_id", asked.auth_req_id.as_str())];
    let caller = world.showing(&scene.identity);
    over(&caller, &bank, &poll).await.refused(400, "authorization_pending");
    alice.phone().approve_the_question().await;
    bank.poll(&asked).await.refused(400, "invalid_request");
    let tokens = over(&caller, &bank, &poll).await.tokens();
    assert_eq!(cnf(&tokens.access_token), bound_to(&scene.identity));
}

#[tokio::test]
async fn a_certificate_that_has_expired_binds_nothing() {
    let scene = Scene::begin().await;
    let robot = scene.robot().certificate_bound().await;
    let mut params = crate::world::named("robot");
    params.not_after = rcgen::date_time_ymd(2027, 1, 10);
    let old = scene.world.showing(&Identity::self_signed(&params));
    over(&old, &robot, &OWN).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn rfc8705_4_a_public_clients_refresh_token_is_bound() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let app = world.client("app").signs_in().public().refresh().certificate_bound().await;
    let tokens = redeem(&caller, &app, &code(world, &app).await).await.tokens();
    let thief = world.showing(&scene.authority.issues(&crate::world::named("robot")));
    let watch = world.watch().await;
    refresh(&thief, &app, &tokens).await.refused(400, "invalid_grant");
    app.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_request");
    watch.nothing_changed("a refresh with another certificate").await;
    let refreshed = refresh(&caller, &app, &tokens).await.tokens();
    assert_eq!(cnf(&refreshed.access_token), bound_to(&scene.identity));
    refresh(&thief, &app, &refreshed).await.refused(400, "invalid_grant");
    refresh(&caller, &app, &refreshed).await.tokens();
}

/// [protocol.md G119] whoever is vouched for by the same authority is another client all the same.
#[tokio::test]
async fn rfc6749_10_4_of_two_clients_with_certificates_each_has_its_own_refresh_tokens() {
    let scene = Scene::begin().await;
    let (world, alice) = (&scene.world, scene.world.user("alice").with_phone().await);
    let own = Identity::self_signed(&crate::world::named("kiosk"));
    let till = world.client("till").refresh().tls_client_auth(CertificateSubject::dn("CN=robot")).await;
    let kiosk = world.client("kiosk").refresh().self_signed(&[&own]).await;
    let (by_till, by_kiosk) = (world.showing(&scene.identity), world.showing(&own));
    let mut given = Vec::new();
    for (caller, client) in [(&by_till, &till), (&by_kiosk, &kiosk)] {
        let fields = [("login_hint", "alice"), ("scope", "openid")];
        let asked = caller.post(&client.id, BC_AUTHORIZE, &fields).await.ok();
        alice.phone().approve_the_question().await;
        let poll = [("grant_type", CIBA), ("auth_req_id", asked["auth_req_id"].as_str().unwrap())];
        given.push(caller.token(&client.id, &poll).await.tokens().refresh_token.unwrap());
    }
    let fields = |token: &'static str| [("grant_type", "refresh_token"), ("refresh_token", token)];
    let [of_till, of_kiosk] = [given[0].clone().leak(), given[1].clone().leak()].map(|token| &*token);
    let watch = world.watch().await;
    by_kiosk.token("kiosk", &fields(of_till)).await.refused(400, "invalid_grant");
    by_till.token("till", &fields(of_kiosk)).await.refused(400, "invalid_grant");
    // Nor does it help to say that one is the other.
    by_kiosk.token("till", &fields(of_till)).await.refused(401, "invalid_client");
    world.caller(None).token("till", &fields(of_till)).await.refused(401, "invalid_client");
    watch.nothing_changed("refresh tokens of others").await;
    by_till.token("till", &fields(of_till)).await.tokens();
    by_kiosk.token("kiosk", &fields(of_kiosk)).await.tokens();
}

/// [FAPI 2 §5.3.2.1] by `private_key_jwt` or mutual TLS.
#[tokio::test]
async fn fapi2_5_3_2_1_a_certificate_is_as_good_as_an_assertion() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let own = Identity::self_signed(&crate::world::named("kiosk"));
    for (id, shows) in [("till", &scene.identity), ("kiosk", &own)] {
        let client = world.client(id).grants([GrantType::ClientCredentials]).scope("reports").certificate_bound();
        let client = match id {
            "till" => client.tls_client_auth(CertificateSubject::dn("CN=robot")),
            _ => client.self_signed(&[&own]),
        };
        let client = client.await;
        client.update(|client| client.security_profile = Some(Profile::Fapi2Security)).await;
        let tokens = world.showing(shows).token(id, &OWN).await.ok();
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(cnf(token), bound_to(shows), "{id}");
        let other = if id == "till" { &own } else { &scene.identity };
        world.showing(other).token(id, &OWN).await.refused(401, "invalid_client");
    }
    // Whoever shows one and authenticates by a secret is no better than without.
    let shop = world.client("shop").grants([GrantType::ClientCredentials]).scope("reports").certificate_bound().await;
    over(&caller, &shop, &OWN).await.ok();
    shop.update(|shop| shop.security_profile = Some(Profile::Fapi2Security)).await;
    over(&caller, &shop, &OWN).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_token_is_bound_to_one_thing() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let robot = scene.robot().certificate_bound().await;
    let prover = world.prover();
    // The nonce comes from somebody else's request.
    let plain = world.client("plain").grants([GrantType::ClientCredentials]).scope("reports").await;
    prover.token(&plain, &OWN).await.ok();
    let caller = world.showing(&scene.identity);
    let (_, request) = robot.form(TOKEN, &OWN).header("dpop", prover.token_proof()).build_split();
    let request = request.unwrap();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap().to_vec();
    let both = caller.request(Method::POST, TOKEN).headers(request.headers().clone()).body(body);
    Answer::of(both).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn no_code_is_for_a_key_where_tokens_are_for_a_certificate() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().certificate_bound().await;
    let prover = world.prover();
    let sign_in = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let jkt = prover.jkt();
    let watch = world.watch().await;
    // By a proof, which is not even looked at, or by its name alone: the code could not be redeemed.
    let proved = shop.form(PAR, &sign_in).header("dpop", prover.proof("POST", PAR));
    Answer::of(proved).await.refused(400, "invalid_request");
    shop.post(PAR, &[&sign_in[..], &[("dpop_jkt", &jkt)]].concat()).await.refused(400, "invalid_request");
    watch.nothing_changed("pushed requests that name a key").await;
    let mut browser = world.browser();
    browser.authorize(&shop, &[("dpop_jkt", &jkt)]).await.unwrap_err().error("invalid_request");
    let kept = shop.post(PAR, &sign_in).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let uri = kept.json()["request_uri"].as_str().unwrap().to_owned();
    let path = format!("{AUTHORIZE}?{}", enc(&[("client_id", &shop.id), ("request_uri", &uri)]));
    let page = browser.open(&path).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    let tokens = redeem(&caller, &shop, callback.get("code")).await.tokens();
    assert_eq!(cnf(&tokens.access_token), bound_to(&scene.identity));
}

#[tokio::test]
async fn nobody_gets_rid_of_the_certificate_of_a_bound_token() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = world.client("shop").signs_in().certificate_bound();
    let shop = shop.registered(|client| client.may_act = nod::protocol::id::ClientId::parse("back")).await;
    let exchanging = TokenExchange { audiences: Vec::new(), impersonation: false };
    let back = world.client("back").grants([GrantType::TokenExchange]).registered(|client| {
        client.token_exchange = Some(exchanging);
        client.backchannel = None;
    });
    let back = back.await;
    let tokens = redeem(&caller, &shop, &code(world, &shop).await).await.tokens();
    let fields = [
        ("grant_type", EXCHANGE),
        ("subject_token", tokens.access_token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    back.token(&fields).await.refused(400, "invalid_request");
    over(&caller, &back, &fields).await.refused(400, "invalid_request");
    back.update(|client| client.tls_client_certificate_bound_access_tokens = true).await;
    let other = world.showing(&scene.authority.issues(&crate::world::named("robot")));
    over(&other, &back, &fields).await.refused(400, "invalid_request");
    let exchanged = over(&caller, &back, &fields).await.ok();
    assert_eq!(cnf(exchanged["access_token"].as_str().unwrap()), bound_to(&scene.identity));
}

const CLIENTS: &str = "/admin/v1/clients";

async fn list(caller: &Caller, token: &str) -> Answer {
    Answer::of(caller.request(Method::GET, CLIENTS).bearer_auth(token)).await
}

#[tokio::test]
async fn rfc8705_3_a_bound_token_administers_with_its_certificate_alone() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let robot = scene.robot().scope("nod:admin").certificate_bound().await;
    let own = over(&caller, &robot, &OWN).await.ok();
    let token = own["access_token"].as_str().unwrap();
    list(&caller, token).await.ok();
    let made = caller.request(Method::POST, CLIENTS).bearer_auth(token).json(&json!({ "client_id": "till" }));
    let made = Answer::of(made).await;
    assert_eq!(made.status, 201, "{}", made.text());
    world.guard(made.json()["client_secret"].as_str().unwrap());

    let watch = world.watch().await;
    let other = world.showing(&scene.authority.issues(&crate::world::named("robot")));
    list(&other, token).await.admin_problem(401, "token_invalid");
    world.admin_call(Method::GET, CLIENTS, Some(token)).await.admin_problem(401, "token_invalid");
    // Nor as if it were bound to a key.
    let prover = world.prover();
    prover.admin(token, &Method::GET, CLIENTS, None).await.admin_problem(401, "token_invalid");
    watch.nothing_changed("bound tokens without their certificate").await;
    // A token that is bound to nothing is as good there as anywhere, for who shows a certificate: to all others, the
    // port administers nothing.
    let plain = world.admin().await;
    list(&other, &plain.token).await.ok();
    let nobody = world.caller(None);
    list(&nobody, &plain.token).await.admin_problem(404, "not_found");
    Answer::of(nobody.request(Method::POST, "/admin/v1/bootstrap")).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn fapi2_5_3_2_1_an_administrator_with_a_certificate_meets_a_profile() {
    let scene = Scene::begin().await;
    let (world, caller) = (&scene.world, scene.world.showing(&scene.identity));
    let robot = scene.robot().scope("nod:admin").tls_client_auth(CertificateSubject::dn("CN=robot")).await;
    let fields = [OWN[0], ("client_id", "robot")];
    let before = Answer::of(caller.form(TOKEN, &fields)).await.ok();
    list(&caller, before["access_token"].as_str().unwrap()).await.ok();
    robot.update(|robot| robot.security_profile = Some(Profile::Fapi2Security)).await;
    list(&caller, before["access_token"].as_str().unwrap()).await.admin_problem(401, "token_invalid");
    Answer::of(caller.form(TOKEN, &fields)).await.refused(400, "invalid_request");
    robot.update(|robot| robot.tls_client_certificate_bound_access_tokens = true).await;
    let bound = Answer::of(caller.form(TOKEN, &fields)).await.ok();
    list(&caller, bound["access_token"].as_str().unwrap()).await.ok();
    world.admin_call(Method::GET, CLIENTS, bound["access_token"].as_str()).await.admin_problem(401, "token_invalid");
}
