//! OpenID Connect Core §8.1: a person is somebody else in each sector.

use nod::domain::client::GrantType;
use nod::domain::subject::Sector;
use nod::protocol::algorithm::Algorithm;
use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::{Value, json};

use super::rfc9101_request_objects::Host;
use super::{PASSWORD, backchannel_logout};
use crate::admin::location;
use crate::admin::receiver::Receiver;
use crate::admin::webhooks::at_home;
use crate::world::{
    Answer, Browser, CALLBACK, Client, ClientBuilder, DISCOVERY, REGISTER, SIGNED_OUT, Tokens, World, decoded,
};

const CLIENTS: &str = "/admin/v1/clients";

/// A client of this sector.
fn within(builder: ClientBuilder, host: &str) -> ClientBuilder {
    let sector = Some(Sector { host: host.to_owned(), uri: None });
    builder.registered(|client| client.pairwise = sector)
}

fn shop(world: &World, id: &str, host: &str) -> ClientBuilder {
    within(world.client(id).signs_in().refresh(), host)
}

async fn signed_in(browser: &mut Browser, client: &Client) -> Tokens {
    let code = browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned();
    client.redeem(&code).await.tokens()
}

fn sub(token: &str) -> String {
    decoded(token).1["sub"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn oidcc_8_1_another_subject_in_each_sector_and_the_same_one_within() {
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    let bob = world.user("bob").with_password("another long password of bob").await;
    let mut browser = world.browser();
    let mut subs = Vec::new();
    for (id, host) in [("shop", "shop.example"), ("app", "shop.example"), ("bank", "bank.example")] {
        subs.push(sub(&signed_in(&mut browser, &shop(&world, id, host).await).await.id_token));
    }
    assert_eq!(subs[0], subs[1]);
    assert_ne!(subs[0], subs[2]);
    let public = world.client("public").signs_in().await;
    assert_eq!(sub(&signed_in(&mut browser, &public).await.id_token), alice.id.to_string());
    for sub in &subs {
        assert!(!sub.contains(&alice.id.to_string()) && sub.len() <= 255 && sub.is_ascii());
    }
    let shop = shop(&world, "again", "shop.example").await;
    let code = world.browser().log_in(&shop, "bob", "another long password of bob").await.get("code").to_owned();
    let bobs = sub(&shop.redeem(&code).await.tokens().id_token);
    assert!(!subs.contains(&bobs) && bobs != bob.id.to_string());
}

#[tokio::test]
async fn oidcc_8_a_client_is_told_one_subject_wherever_it_looks() {
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).with_phone().await;
    let public = alice.id.to_string();
    for format in ["jwt", "opaque"] {
        let shop = shop(&world, format, "shop.example");
        let shop = if format == "opaque" { shop.opaque() } else { shop }.await;
        let tokens = signed_in(&mut world.browser(), &shop).await;
        let one = sub(&tokens.id_token);
        assert_ne!(one, public);
        assert_eq!(world.userinfo(&tokens.access_token).await.ok()["sub"], one, "[OIDCC §5.3.2]");
        assert_eq!(shop.introspect(&tokens.access_token).await["sub"], one);
        assert_eq!(shop.introspect(tokens.refresh_token.as_ref().unwrap()).await["sub"], one);
        if format == "jwt" {
            assert_eq!(sub(&tokens.access_token), one);
        }
        let again = shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
        assert_eq!(sub(&again.id_token), one, "[OIDCC §12.2]");
        assert_eq!(sub(&shop.log_in(&alice).await.id_token), one, "[CIBA §4]");
        shop.update(|shop| shop.userinfo_signed_response_alg = Some(Algorithm::ES256)).await;
        let signed = world.userinfo(&again.access_token).await;
        assert_eq!(sub(&signed.text()), one);
        for token in [&tokens.id_token, &again.id_token] {
            assert!(!decoded(token).1.to_string().contains(&public));
        }
    }
}

#[tokio::test]
async fn oidcc_3_1_2_2_a_hint_is_understood_of_its_own_client() {
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).with_phone().await;
    let (shop, bank) = (shop(&world, "shop", "shop.example").await, shop(&world, "bank", "bank.example").await);
    let mut browser = world.browser();
    let hint = signed_in(&mut browser, &shop).await.id_token;
    let foreign = signed_in(&mut browser, &bank).await.id_token;
    let none = |hint| [("prompt", "none"), ("id_token_hint", hint)];
    browser.authorize(&shop, &none(hint.as_str())).await.unwrap_err().get("code");
    browser.authorize(&shop, &none(foreign.as_str())).await.unwrap_err().error("invalid_request");
    // Somebody else's hint is not who is signed in here.
    world.user("bob").with_password("another long password of bob").await;
    let mut bobs = world.browser();
    bobs.log_in(&shop, "bob", "another long password of bob").await;
    bobs.authorize(&shop, &none(hint.as_str())).await.unwrap_err().error("login_required");
    // [CIBA §7.1]
    let fields = [("id_token_hint", hint.as_str()), ("login_hint", ""), ("scope", "openid")];
    let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let asked = shop.bc_authorize(&fields).await.ok();
    alice.phone().approve_the_question().await;
    let tokens = shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.tokens();
    assert_eq!(sub(&tokens.id_token), sub(&hint));
    bank.bc_authorize(&fields).await.refused(400, "invalid_request");
    // A client that changes how it knows people has to let them sign in anew.
    bank.update(|bank| bank.pairwise = None).await;
    browser.authorize(&bank, &none(foreign.as_str())).await.unwrap_err().error("invalid_request");
    // [RIL §2] only the person that is signed in is signed out without being asked.
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
    bobs.log_out(&fields).await.unwrap().has("value=\"sign_out\"");
    browser.log_out(&fields).await.unwrap_err();
    browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
}

#[tokio::test]
async fn bcl_2_4_a_logout_token_names_whom_its_client_knows() {
    let world = backchannel_logout::patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let mut browser = world.browser();
    let mut told = Vec::new();
    for (id, host) in [("shop", "shop.example"), ("bank", "bank.example")] {
        let receiver = Receiver::start();
        let client = within(backchannel_logout::called(&world, id, &receiver), host).await;
        told.push((signed_in(&mut browser, &client).await.id_token, receiver));
    }
    let fields = [("id_token_hint", told[0].0.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
    browser.log_out(&fields).await.unwrap_err();
    for (id_token, receiver) in &told {
        let received = receiver.gets(1).await.remove(0);
        assert_eq!(backchannel_logout::claims(&received)["sub"], sub(id_token));
    }
}

#[tokio::test]
async fn rfc8693_2_who_exchanges_a_token_learns_whom_it_knows_itself() {
    const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    let shop = shop(&world, "shop", "shop.example");
    let shop = shop.registered(|shop| shop.may_act = nod::protocol::id::ClientId::parse("backend")).await;
    let exchanges = |builder: ClientBuilder| {
        builder.grants([GrantType::TokenExchange]).registered(|client| {
            client.backchannel = None;
            client.token_exchange =
                Some(nod::domain::client::TokenExchange { audiences: Vec::new(), impersonation: false });
        })
    };
    let backend = exchanges(within(world.client("backend"), "bank.example")).await;
    let tokens = signed_in(&mut world.browser(), &shop).await;
    for (token, kind) in [(&tokens.access_token, "access_token"), (&tokens.id_token, "id_token")] {
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        let fields = [("grant_type", GRANT), ("subject_token", token.as_str()), ("subject_token_type", kind.as_str())];
        let given = backend.token(&fields).await.ok();
        let exchanged = given["access_token"].as_str().unwrap();
        assert_ne!(sub(exchanged), sub(&tokens.id_token));
        assert_ne!(sub(exchanged), alice.id.to_string());
        assert_eq!(world.userinfo(exchanged).await.ok()["sub"], sub(exchanged));
        assert_eq!(backend.introspect(exchanged).await["sub"], sub(exchanged));
    }
}

fn listing(host: &Host, uris: &[&str]) {
    host.says("200 OK", "Content-Type: application/json\r\n", &json!(uris).to_string());
}

#[tokio::test]
async fn oidcc_8_1_a_sector_lists_the_addresses_of_its_clients() {
    let world = at_home().start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let host = Host::start();
    let uri = format!("{}/sector.json", host.address);
    let body = |redirects: &[&str]| {
        json!({ "client_id": "shop", "redirect_uris": redirects, "subject_type": "pairwise",
            "sector_identifier_uri": uri })
    };
    let refused = |answer: &Answer, pointer: &str| {
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{}", answer.text());
    };
    let other = "https://other.example/cb";
    listing(&host, &[CALLBACK, other]);
    let made = admin.post(CLIENTS, &body(&[CALLBACK, other])).await;
    let at = location(&made);
    let read = admin.get(&at).await.ok();
    assert_eq!((&read["subject_type"], &read["sector_identifier_uri"]), (&json!("pairwise"), &json!(uri)));
    // Two hosts, one sector. What is not listed does not belong to it.
    let more = ["https://evil.test/cb", CALLBACK];
    refused(&admin.patch(&at, &json!({ "redirect_uris": more })).await, "/sector_identifier_uri");
    refused(
        &admin
            .post(CLIENTS, &json!({ "redirect_uris": more, "subject_type": "pairwise", "sector_identifier_uri": uri }))
            .await,
        "/sector_identifier_uri",
    );
    // Nothing is asked again where nothing is added.
    host.says("500 Oops", "", "");
    admin.patch(&at, &json!({ "redirect_uris": [CALLBACK], "client_name": "Shop" })).await.ok();
    for (status, headers, text) in [
        ("404 Not Found", "", String::new()),
        ("302 Found", "Location: /other\r\n", String::new()),
        ("200 OK", "", "not JSON".to_owned()),
        ("200 OK", "", json!({ "uris": [CALLBACK, other] }).to_string()),
        ("200 OK", "", json!([CALLBACK, 1]).to_string()),
        ("200 OK", "", format!("[\"{}\"]", "x".repeat(70_000))),
        ("200 OK", "", json!([]).to_string()),
    ] {
        host.says(status, headers, &text);
        refused(&admin.patch(&at, &json!({ "redirect_uris": [CALLBACK, other] })).await, "/sector_identifier_uri");
    }
    let calls = host.calls();
    for bad in ["http://shop.example/sector.json", "https://10.0.0.1/sector.json", "file:///etc/passwd", "x", ""] {
        let patch = json!({ "sector_identifier_uri": bad });
        refused(&admin.patch(&at, &patch).await, "/sector_identifier_uri");
    }
    assert_eq!(host.calls(), calls, "zero packets");
    // Back to what it was.
    admin.patch(&at, &json!({ "subject_type": null, "sector_identifier_uri": null })).await.ok();
    assert_eq!(admin.get(&at).await.ok()["subject_type"], "public");
}

#[tokio::test]
async fn oidcc_8_1_without_a_list_the_addresses_are_of_one_host() {
    let world = World::start().await;
    let admin = world.admin().await;
    let pairwise = |mut body: Value| {
        body["subject_type"] = json!("pairwise");
        body
    };
    let keys = |uri: &str| json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
    let with = |mut body: Value, more: &Value| {
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let ciba = json!({ "grant_types": ["urn:openid:params:grant-type:ciba"] });
    for (body, pointer) in [
        (json!({ "redirect_uris": [CALLBACK, "https://bank.example/cb"] }), Some("/sector_identifier_uri")),
        (json!({ "redirect_uris": ["com.example.app:/cb"] }), Some("/sector_identifier_uri")),
        (json!({ "redirect_uris": ["http://127.0.0.1/cb"] }), Some("/sector_identifier_uri")),
        (json!({ "redirect_uris": [CALLBACK, "https://shop.example/other"] }), None),
        (json!({ "redirect_uris": [CALLBACK, "https://shop.example:8443/other"] }), None),
        // [CIBA §4] where nobody comes back, the keys tell whose it is.
        (ciba.clone(), Some("/jwks_uri")),
        (with(ciba.clone(), &keys("https://shop.example/jwks")), None),
        (
            with(
                json!({ "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", ciba["grant_types"][0]] }),
                &keys("https://bank.example/jwks"),
            ),
            Some("/sector_identifier_uri"),
        ),
    ] {
        let answer = admin.post(CLIENTS, &pairwise(body.clone())).await;
        match pointer {
            None => drop(location(&answer)),
            Some(pointer) => {
                answer.admin_problem(422, "validation_failed");
                assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
            }
        }
    }
    for (body, pointer) in [
        (json!({ "redirect_uris": [CALLBACK], "subject_type": "ephemeral" }), "/subject_type"),
        (
            json!({ "redirect_uris": [CALLBACK], "sector_identifier_uri": "https://shop.example/s" }),
            "/sector_identifier_uri",
        ),
    ] {
        let answer = admin.post(CLIENTS, &body).await;
        assert!(matches!(answer.status, 400 | 422), "{}", answer.text());
        if answer.status == 422 {
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        }
    }
    let types = world.get(DISCOVERY).await.json()["subject_types_supported"].clone();
    assert_eq!(types, json!(["public", "pairwise"]));
}

#[tokio::test]
async fn oidcr_5_a_client_that_registers_itself_shows_its_sector() {
    let world = at_home().settings(|settings| settings.registration = Admission::Anybody).start().await;
    let host = Host::start();
    let uri = format!("{}/sector.json", host.address);
    let register = async |redirect: &str| {
        let body = json!({ "redirect_uris": [redirect], "subject_type": "pairwise", "sector_identifier_uri": uri });
        let answer = Answer::of(world.request(Method::POST, REGISTER).json(&body)).await;
        if answer.status == 201 {
            world.guard(answer.json()["client_secret"].as_str().unwrap());
            world.guard(answer.json()["registration_access_token"].as_str().unwrap());
        }
        answer
    };
    listing(&host, &[CALLBACK]);
    let made = register(CALLBACK).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["subject_type"], &made["sector_identifier_uri"]), (&json!("pairwise"), &json!(uri)));
    register("https://evil.test/cb").await.refused(400, "invalid_client_metadata");
    // Changed, it is looked at again.
    let own = made["registration_client_uri"].as_str().unwrap().strip_prefix(world.issuer()).unwrap();
    let put = async |redirect: &str| {
        let body = json!({ "client_id": made["client_id"], "redirect_uris": [redirect], "subject_type": "pairwise",
            "sector_identifier_uri": uri });
        let request = world.request(Method::PUT, own).bearer_auth(made["registration_access_token"].as_str().unwrap());
        Answer::of(request.json(&body)).await
    };
    put("https://evil.test/cb").await.refused(400, "invalid_client_metadata");
    let changed = put(CALLBACK).await;
    world.guard(changed.json()["registration_access_token"].as_str().unwrap());
    assert_eq!(changed.ok()["subject_type"], "pairwise");
}
