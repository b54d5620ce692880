//! `/admin/v1/devices` and `/admin/v1/pairing-keys`.

use nod_device::PairingKey;
use serde_json::{Value, json};

use super::location;
use super::robot::usr;
use crate::world::{World, seconds};

#[tokio::test]
async fn devices_are_listed_named_blocked_and_unpaired() {
    let world = World::start().await;
    let admin = world.admin().await;
    let alice = world.user("alice").with_phone().with_phone().await;
    let bob = world.user("bob").with_phone().await;
    let all = admin.get("/admin/v1/devices").await.ok();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let own = admin.get(&format!("/admin/v1/users/{}/devices", usr(&alice))).await.ok();
    assert_eq!(own, admin.get(&format!("/admin/v1/devices?user_id={}", usr(&alice))).await.ok());
    let role = |role: &str| own["items"].as_array().unwrap().iter().find(|device| device["role"] == role).unwrap();
    let (primary, trusted) = (role("primary").clone(), role("trusted").clone());
    assert_eq!(primary["user_id"], usr(&alice));
    let at = |device: &Value| format!("/admin/v1/devices/{}", device["id"].as_str().unwrap());

    let read = admin.get(&at(&primary)).await;
    assert_eq!(read.ok(), primary);
    assert_eq!(admin.patch(&at(&primary), &json!({ "nickname": "Pocket" })).await.ok()["nickname"], "Pocket");
    assert!(admin.patch(&at(&primary), &json!({ "nickname": null })).await.ok().get("nickname").is_none());
    admin.patch(&at(&primary), &json!({ "nickname": "a".repeat(65) })).await.admin_problem(422, "validation_failed");
    let status = admin.patch(&at(&primary), &json!({ "status": "blocked" })).await;
    status.admin_problem(422, "validation_failed");
    assert_eq!(status.json()["errors"][0]["code"], "read_only");
    let whole = admin.get(&at(&primary)).await.ok();
    assert_eq!(admin.patch(&at(&primary), &whole).await.ok(), whole, "what was read can be sent back");

    assert_eq!(admin.act(&format!("{}/block", at(&primary))).await.ok()["status"], "blocked");
    assert_eq!(format!("{:?}", alice.phones[0].me().await.users[0].status), "Blocked");
    assert_eq!(admin.get("/admin/v1/devices?status=blocked").await.ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(admin.act(&format!("{}/unblock", at(&primary))).await.ok()["status"], "active");

    assert_eq!(admin.act(&format!("{}/make-primary", at(&trusted))).await.ok()["role"], "primary");
    assert_eq!(admin.get(&at(&primary)).await.ok()["role"], "trusted");
    assert_eq!(admin.act(&format!("{}/make-primary", at(&trusted))).await.ok()["role"], "primary", "again");

    assert_eq!(admin.delete(&at(&trusted)).await.status, 204);
    assert_eq!(admin.get(&at(&primary)).await.ok()["role"], "primary", "the next follows");
    admin.delete(&at(&trusted)).await.admin_problem(404, "not_found");
    assert_eq!(bob.phones[0].me().await.users.len(), 1, "another's is untouched");
}

#[tokio::test]
async fn a_pairing_key_is_shown_once_and_pairs_a_phone() {
    let world = World::start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    let keys = format!("/admin/v1/users/{}/pairing-keys", usr(&alice));
    let made = admin.act(&keys).await;
    let at = location(&made);
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    assert!(key.len() == 12 && key.bytes().all(|digit| digit.is_ascii_digit()), "{key}");
    let link = nod_device::PairingLink::parse(made["link"].as_str().unwrap()).unwrap();
    assert_eq!((link.issuer.as_str(), link.key.expose()), (world.issuer(), key));
    world.guard(made["link"].as_str().unwrap());

    let listed = admin.get("/admin/v1/pairing-keys").await;
    assert_eq!(listed.ok()["items"], json!([made["pairing_key"]]));
    assert!(!listed.text().contains(key));
    assert_eq!(admin.get(&at).await.ok(), made["pairing_key"]);
    // [security 5.2] twelve digits are found by trying, where their digest needs no key.
    let searchable: String = nod::secret::sha256(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = world.rows("pairing_key").await.join("\n");
    assert!(!rows.is_empty() && !rows.to_lowercase().contains(&searchable), "{rows}");
    let mut phone = world.phone();
    assert_eq!(phone.pair(&PairingKey::parse(key).unwrap()).await.status, 201);
    assert!(admin.get(&at).await.ok()["used_at"].is_string());

    let revoked = admin.act(&keys).await;
    assert_eq!(admin.delete(&location(&revoked)).await.status, 204);
    let key = revoked.json()["key"].as_str().unwrap().to_owned();
    world.phone().pair(&PairingKey::parse(&key).unwrap()).await.problem(400, "PAIRING_KEY_INVALID");
    admin.delete(&location(&revoked)).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn a_user_has_so_many_pairing_keys_and_no_more() {
    let world = World::start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    let keys = format!("/admin/v1/users/{}/pairing-keys", usr(&alice));
    for _ in 0..20 {
        assert_eq!(admin.act(&keys).await.status, 201);
    }
    admin.act(&keys).await.admin_problem(409, "too_many_pairing_keys");
    let mut listed = 0;
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/admin/v1/pairing-keys?user_id={}&limit=7{cursor}", usr(&alice))).await.ok();
        listed += page["items"].as_array().unwrap().len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, 20);
    world.clock.advance(seconds(599));
    admin.act(&keys).await.admin_problem(409, "too_many_pairing_keys");
    world.clock.advance(seconds(1));
    let admin = world.admin_again(&admin).await;
    assert_eq!(admin.act(&keys).await.status, 201, "they have expired");
    admin.act("/admin/v1/users/usr_0000000000000000000000000z/pairing-keys").await.admin_problem(404, "not_found");
}
