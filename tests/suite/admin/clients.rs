//! `/admin/v1/clients`.

use serde_json::{Value, json};

use super::location;
use crate::world::World;

const CLIENTS: &str = "/admin/v1/clients";

#[tokio::test]
async fn a_client_is_made_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    let made = admin.post(CLIENTS, &json!({ "client_id": "shop", "client_name": "Demo Shop" })).await;
    assert_eq!(location(&made), "/admin/v1/clients/shop");
    let json = made.json();
    assert!(json["client_secret"].as_str().unwrap().len() >= 43);
    let read = admin.get("/admin/v1/clients/shop").await;
    assert_eq!(read.ok(), json["client"]);
    assert_eq!(read.header("etag"), made.header("etag"), "of what is read there");
    assert_eq!(read.header("content-type"), Some("application/json"));
    assert_eq!(
        read.json(),
        json!({
            "client_id": "shop", "client_name": "Demo Shop", "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["urn:openid:params:grant-type:ciba"], "scope": "openid profile email",
            "id_token_signed_response_alg": "ES256", "access_token_format": "jwt",
            "dpop_bound_access_tokens": false, "tls_client_certificate_bound_access_tokens": false, "subject_type": "public",
            "backchannel_token_delivery_mode": "poll", "long_poll": false, "resources": [], "disabled": false,
            "backchannel_user_code_parameter": false, "require_hint_token": false,
            "created_at": "2027-01-15T08:00:00Z",
        })
    );
    let changed =
        admin.patch("/admin/v1/clients/shop", &json!({ "client_name": "Shop", "number_matching": "pick" })).await;
    assert_eq!(changed.ok()["number_matching"], "pick");
    assert_ne!(changed.header("etag"), made.header("etag"));
    let changed = admin.patch("/admin/v1/clients/shop", &json!({ "number_matching": null, "client_name": null })).await;
    assert_eq!(changed.ok()["client_name"], "shop", "the default");
    assert!(changed.json().get("number_matching").is_none());
    assert_eq!(admin.delete("/admin/v1/clients/shop").await.status, 204);
    admin.get("/admin/v1/clients/shop").await.admin_problem(404, "not_found");
    admin.delete("/admin/v1/clients/shop").await.admin_problem(404, "not_found");
    admin.patch("/admin/v1/clients/shop", &json!({})).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn what_was_read_can_be_sent_back() {
    let world = World::start().await;
    let admin = world.admin().await;
    admin.post(CLIENTS, &json!({ "client_id": "shop" })).await;
    let read = admin.get("/admin/v1/clients/shop").await;
    let back = admin.patch("/admin/v1/clients/shop", &read.json()).await;
    assert_eq!(back.ok(), read.json());
    let other = admin.patch("/admin/v1/clients/shop", &json!({ "client_id": "bank" })).await;
    other.admin_problem(422, "validation_failed");
    assert_eq!(other.json()["errors"][0]["pointer"], "/client_id");
}

#[tokio::test]
async fn what_cannot_be_is_pointed_at() {
    let world = World::start().await;
    let admin = world.admin().await;
    let cases: [(Value, &str, &str); 18] = [
        (
            json!({ "redirect_uris": ["https://shop.example/cb"], "backchannel_user_code_parameter": true }),
            "/backchannel_user_code_parameter",
            "not_allowed",
        ),
        (
            json!({ "redirect_uris": ["https://shop.example/cb"], "require_hint_token": true }),
            "/require_hint_token",
            "not_allowed",
        ),
        (json!({ "client_id": "a b" }), "/client_id", "invalid"),
        (json!({ "client_id": "01234567-89ab-cdef-0123-456789abcdef" }), "/client_id", "invalid"),
        (json!({ "client_name": "a\nb" }), "/client_name", "invalid"),
        (json!({ "client_name": "a".repeat(101) }), "/client_name", "too_long"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "/token_endpoint_auth_method", "invalid"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "/jwks", "required"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [] } }), "/jwks", "invalid"),
        (
            json!({ "grant_types": ["client_credentials"], "scope": "orders", "jwks_uri": "https://example.com/jwks" }),
            "/jwks_uri",
            "not_allowed",
        ),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://127.0.0.1/jwks" }),
            "/jwks_uri",
            "invalid",
        ),
        (json!({ "grant_types": [] }), "/grant_types", "invalid"),
        (json!({ "grant_types": ["password"] }), "/grant_types", "invalid"),
        (json!({ "scope": "" }), "/scope", "invalid"),
        (json!({ "scope": "nod:clients:delete", "grant_types": ["client_credentials"] }), "/scope", "unknown"),
        (json!({ "scope": "nod:clients:read" }), "/scope", "not_allowed"),
        (json!({ "id_token_signed_response_alg": "EdDSA" }), "/id_token_signed_response_alg", "invalid"),
        (
            json!({ "grant_types": ["client_credentials"], "scope": "orders", "number_matching": "pick" }),
            "/number_matching",
            "not_allowed",
        ),
    ];
    for (body, pointer, code) in cases {
        let watch = world.watch().await;
        let answer = admin.post(CLIENTS, &body).await;
        answer.admin_problem(422, "validation_failed");
        let errors = answer.json()["errors"].clone();
        assert_eq!((&errors[0]["pointer"], &errors[0]["code"]), (&json!(pointer), &json!(code)), "{body}");
        watch.only_a_refusal(pointer).await;
    }
    for body in [json!([]), json!({ "client_id": 5 }), json!({ "long_poll": "yes" }), json!({ "colour": "red" })] {
        admin.post(CLIENTS, &body).await.admin_problem(400, "invalid_request");
    }
    admin.post(CLIENTS, &json!({ "client_id": "root" })).await.admin_problem(409, "client_exists");
}

#[tokio::test]
async fn a_rotated_secret_overlaps_for_a_day() {
    let world = World::start().await;
    let (admin, shop) = (world.admin().await, world.client("shop").await);
    let rotated = admin.act("/admin/v1/clients/shop/rotate-secret").await.ok();
    let secret = rotated["client_secret"].as_str().unwrap();
    let form = [("grant_type", "client_credentials")];
    assert_eq!(shop.token(&form).await.json()["error"], "unauthorized_client", "the old secret works");
    world.clock.advance(crate::world::seconds(86_400));
    assert_eq!(shop.token(&form).await.json()["error"], "invalid_client", "for a day");
    let request = shop.bare(crate::world::TOKEN, &form).header("authorization", crate::world::basic("shop", secret));
    assert_eq!(crate::world::Answer::of(request).await.json()["error"], "unauthorized_client");

    let keys = world.client("keys").private_key_jwt(nod::protocol::algorithm::Algorithm::ES256).await;
    let admin = world.admin_again(&admin).await;
    admin.act(&format!("/admin/v1/clients/{}/rotate-secret", keys.id)).await.admin_problem(409, "client_has_no_secret");
}

#[tokio::test]
async fn the_newest_clients_are_listed_first_in_parts() {
    let world = World::start().await;
    let admin = world.admin().await;
    for n in 0..7 {
        world.clock.advance(crate::world::seconds(u64::from(n % 3 == 0)));
        admin.post(CLIENTS, &json!({ "client_id": format!("shop-{n}") })).await;
    }
    let whole = admin.get(CLIENTS).await.ok();
    assert!(whole.get("next_cursor").is_none(), "absent at the end, never null");
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["client_id"].as_str().unwrap().to_owned()).collect()
    };
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{CLIENTS}?limit=3{cursor}")).await.ok();
        assert!(ids(&page).len() <= 3);
        seen.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ids(&whole));
    assert_eq!(seen.last().map(String::as_str), Some("root"));
    assert_eq!(seen.len(), 8);
    admin.get(&format!("{CLIENTS}?cursor=abc")).await.admin_problem(400, "invalid_cursor");
    for limit in ["0", "201", "-1", "x"] {
        admin.get(&format!("{CLIENTS}?limit={limit}")).await.admin_problem(400, "invalid_request");
    }
}
