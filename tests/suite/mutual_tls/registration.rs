//! What is registered of certificates [RFC 8705 §2.1.2, §2.2.2, §3.4], by administrators and by clients themselves.

use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::admin::robot::Robot;
use crate::world::{Answer, Authority, CALLBACK, INTROSPECT, Identity, REGISTER, World, named};

const CLIENTS: &str = "/admin/v1/clients";

fn robot(more: &Value) -> Value {
    let mut robot = json!({
        "client_id": "robot", "grant_types": ["client_credentials"], "scope": "reports",
        "token_endpoint_auth_method": "tls_client_auth",
    });
    for (name, value) in more.as_object().unwrap() {
        robot[name] = value.clone();
    }
    robot
}

/// The members that are wrong.
async fn wrong(admin: &Robot<'_>, more: &Value) -> Vec<String> {
    let answer = admin.post(CLIENTS, &robot(more)).await;
    answer.admin_problem(422, "validation_failed");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn rfc8705_2_1_2_an_administrator_says_which_name_it_is() {
    let scene = Scene::begin().await;
    let admin = scene.world.admin().await;
    for (name, value, bad) in [
        ("tls_client_auth_subject_dn", "CN=robot", "robot"),
        ("tls_client_auth_san_dns", "robot.example", "*.example"),
        ("tls_client_auth_san_uri", "spiffe://x/robot", "robot"),
        ("tls_client_auth_san_ip", "192.0.2.7", "192.0.2.0/24"),
        ("tls_client_auth_san_email", "robot@x.example", "robot"),
    ] {
        assert_eq!(wrong(&admin, &json!({ name: bad })).await, [format!("/{name}")]);
        let made = admin.post(CLIENTS, &robot(&json!({ name: value }))).await;
        assert_eq!(made.status, 201, "{name}: {}", made.text());
        let (client, secret) = (&made.json()["client"], &made.json()["client_secret"]);
        assert_eq!((&client[name], secret), (&json!(value), &Value::Null));
        assert_eq!(client["token_endpoint_auth_method"], "tls_client_auth");
        let read = admin.get(&format!("{CLIENTS}/robot")).await.json();
        assert_eq!(&read, client);
        admin.delete(&format!("{CLIENTS}/robot")).await;
    }
    // Exactly one.
    assert_eq!(wrong(&admin, &json!({})).await, ["/tls_client_auth_subject_dn"]);
    let two = json!({ "tls_client_auth_subject_dn": "CN=robot", "tls_client_auth_san_dns": "robot.example" });
    assert_eq!(wrong(&admin, &two).await, ["/tls_client_auth_san_dns"]);
    let secret = json!({ "token_endpoint_auth_method": "client_secret_basic", "tls_client_auth_san_dns": "a.example" });
    assert_eq!(wrong(&admin, &secret).await, ["/tls_client_auth_san_dns"]);
    let own = json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth" });
    assert_eq!(wrong(&admin, &own).await, ["/jwks"]);
    let both = json!({
        "tls_client_auth_subject_dn": "CN=robot", "dpop_bound_access_tokens": true,
        "tls_client_certificate_bound_access_tokens": true,
    });
    assert_eq!(wrong(&admin, &both).await, ["/tls_client_certificate_bound_access_tokens"]);

    let made = robot(&json!({
        "tls_client_auth_subject_dn": "CN=robot", "tls_client_certificate_bound_access_tokens": true,
    }));
    assert_eq!(admin.post(CLIENTS, &made).await.status, 201);
    scene.accepts(&scene.identity, "as registered").await;
    // From one name to another.
    let patch = json!({ "tls_client_auth_subject_dn": null, "tls_client_auth_san_dns": "robot.example" });
    admin.patch(&format!("{CLIENTS}/robot"), &patch).await.ok();
    scene.refuses(Some(&scene.identity), "by its former name").await;
    let none = admin.act(&format!("{CLIENTS}/robot/rotate-secret")).await;
    none.admin_problem(409, "client_has_no_secret");
}

#[tokio::test]
async fn rfc8705_2_2_2_certificates_of_its_own_are_in_its_key_set() {
    let scene = Scene::begin().await;
    let admin = scene.world.admin().await;
    let own = Identity::self_signed(&named("robot"));
    let with = |jwk: Value| {
        robot(&json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [jwk] } }))
    };
    let mut bare = own.jwk();
    bare.as_object_mut().unwrap().remove("x5c");
    for bad in [bare, json!({"kty": "EC", "x5c": ["!"]}), json!({"kty": "EC", "x5c": []})] {
        let answer = admin.post(CLIENTS, &with(bad)).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/jwks");
    }
    let made = admin.post(CLIENTS, &with(own.jwk())).await;
    assert_eq!(made.status, 201, "{}", made.text());
    scene.accepts(&own, "as registered").await;
}

async fn open(certificates: bool) -> (World, Authority) {
    let authority = Authority::new("Ours");
    let world = World::with().settings(|settings| {
        settings.registration = Admission::Anybody;
        settings.registrations = 1000;
    });
    let world = if certificates { world.mutual_tls(&authority) } else { world };
    (world.start().await, authority)
}

async fn register(world: &World, body: &Value) -> Answer {
    let answer = Answer::of(world.request(Method::POST, REGISTER).json(body)).await;
    if answer.status == 201 {
        world.guard(answer.json()["registration_access_token"].as_str().unwrap());
    }
    answer
}

#[tokio::test]
async fn rfc8705_3_4_a_client_registers_itself_so() {
    let (world, authority) = open(true).await;
    let asked = json!({
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "shop.example",
        "tls_client_certificate_bound_access_tokens": true,
    });
    let made = register(&world, &asked).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let json = made.json();
    for (name, value) in asked.as_object().unwrap() {
        assert_eq!(&json[name], value, "{name}");
    }
    assert!(json.get("client_secret").is_none() && json.get("client_secret_expires_at").is_none());
    let mut params = named("shop");
    params.subject_alt_names = vec![rcgen::SanType::DnsName("shop.example".try_into().unwrap())];
    let caller = world.showing(&authority.issues(&params));
    caller.post(json["client_id"].as_str().unwrap(), INTROSPECT, &[("token", "x")]).await.ok();

    let own = Identity::self_signed(&named("shop"));
    let asked = json!({
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [own.jwk()] },
    });
    let json = register(&world, &asked).await.json();
    assert_eq!(json["jwks"], asked["jwks"]);
    world.showing(&own).post(json["client_id"].as_str().unwrap(), INTROSPECT, &[("token", "x")]).await.ok();

    for bad in [
        json!({ "token_endpoint_auth_method": "tls_client_auth" }),
        json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "*.example" }),
        json!({ "tls_client_auth_san_dns": "shop.example" }),
        json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth" }),
    ] {
        let mut bad = bad;
        bad["redirect_uris"] = json!([CALLBACK]);
        register(&world, &bad).await.refused(400, "invalid_client_metadata");
    }
}

#[tokio::test]
async fn where_no_certificate_arrives_none_is_registered() {
    let (world, _) = open(false).await;
    for wanted in [
        json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "shop.example" }),
        json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks_uri": "https://shop.example/jwks" }),
        json!({ "tls_client_certificate_bound_access_tokens": true }),
    ] {
        let mut wanted = wanted;
        wanted["redirect_uris"] = json!([CALLBACK]);
        register(&world, &wanted).await.refused(400, "invalid_client_metadata");
    }
    let plain = json!({ "redirect_uris": [CALLBACK], "tls_client_certificate_bound_access_tokens": false });
    let plain = register(&world, &plain).await;
    assert_eq!(plain.status, 201);
    world.guard(plain.json()["client_secret"].as_str().unwrap());
}
