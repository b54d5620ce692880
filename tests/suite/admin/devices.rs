//! `/admin/v1/devices` and `/admin/v1/pairing-keys`.

use nod_device::PairingKey;
use serde_json::{Value, json};

use super::device_trust::{MFA, NATIVE, app, bank, refused_at};
use super::location;
use super::robot::{Robot, usr};
use crate::world::{Person, Phone, World, seconds};

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

/// A key of a person, for the app of that name.
async fn key_for(admin: &Robot<'_>, person: &Person, application: &str) -> (String, PairingKey) {
    let keys = format!("/admin/v1/users/{}/pairing-keys", usr(person));
    let made = admin.post(&keys, &json!({ "application": application })).await;
    let (at, made) = (location(&made), made.json());
    assert_eq!(made["pairing_key"]["application"], application);
    (at, PairingKey::parse(made["key"].as_str().unwrap()).unwrap())
}

async fn refused_as(phone: &mut Phone, key: &PairingKey, package: &str) {
    phone.pair_as(key, package).await.problem(400, "PAIRING_KEY_INVALID");
}

#[tokio::test]
async fn t19_2_a_key_for_an_app_pairs_that_app_alone() {
    let world = World::start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    app(&admin, "bank-app").await;
    location(&admin.post(NATIVE, &bank()).await);
    let (at, key) = key_for(&admin, &alice, "bank").await;
    let (mut phone, mut other) = (world.phone(), world.phone());
    refused_as(&mut phone, &key, "com.example.bank2").await;
    phone.pair(&key).await.problem(400, "PAIRING_KEY_INVALID");
    assert!(admin.get(&at).await.ok().get("used_at").is_none(), "the key was not spent");
    assert!(world.rows("device").await.is_empty());

    assert_eq!(phone.pair_as(&key, "com.example.bank").await.status, 201);
    let devices = world.rows("device").await;
    assert!(devices.len() == 1 && devices[0].contains("bank"), "it is one of the app: {devices:?}");
    assert_eq!(phone.pair_as(&key, "com.example.bank").await.status, 201, "the answer may have been lost");
    refused_as(&mut other, &key, "com.example.bank").await;

    // Whoever names no app has a key for any.
    let keys = format!("/admin/v1/users/{}/pairing-keys", usr(&alice));
    for made in [admin.act(&keys).await, admin.post(&keys, &json!({})).await, admin.post(&keys, &json!(null)).await] {
        location(&made);
        assert!(made.json()["pairing_key"].get("application").is_none(), "{}", made.text());
        let key = PairingKey::parse(made.json()["key"].as_str().unwrap()).unwrap();
        assert_eq!(world.phone().pair_as(&key, "com.example.bank2").await.status, 201);
    }
    for nothing in ["nothing", "", "a b"] {
        let watch = world.watch().await;
        refused_at(&admin.post(&keys, &json!({ "application": nothing })).await, &["/application unknown"]);
        watch.only_a_refusal(nothing).await;
    }
    admin.post(&keys, &json!({ "application": 7 })).await.admin_problem(400, "invalid_request");
    admin.post(&keys, &json!({ "app": "bank" })).await.admin_problem(400, "invalid_request");
}

/// Another app that gets the name afterwards is not the one that the key was for.
#[tokio::test]
async fn t19_2_a_key_ends_with_the_app_that_it_is_for() {
    let world = World::start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    app(&admin, "bank-app").await;
    let bank_at = location(&admin.post(NATIVE, &bank()).await);
    let (_, key) = key_for(&admin, &alice, "bank").await;
    assert_eq!(admin.delete(&bank_at).await.status, 204);
    let mut phone = world.phone();
    refused_as(&mut phone, &key, "com.example.bank").await;
    world.clock.advance(seconds(1));
    location(&admin.post(NATIVE, &bank()).await);
    refused_as(&mut phone, &key, "com.example.bank").await;
    let (_, key) = key_for(&admin, &alice, "bank").await;
    assert_eq!(phone.pair_as(&key, "com.example.bank").await.status, 201);
}

/// The shortest time of the policies by which the app signs people in; as any other where none says one.
#[tokio::test]
async fn d1_a_key_for_an_app_is_good_as_long_as_its_policy_says() {
    let world = World::start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").await);
    app(&admin, "bank-app").await;
    location(&admin.post(NATIVE, &bank()).await);
    let (_, usual) = key_for(&admin, &alice, "bank").await;
    let policy = |id: &str, lifetime: Option<u32>| {
        let mut permitted = json!({ "application": "bank" });
        if let Some(lifetime) = lifetime {
            permitted["pairing_key_lifetime"] = json!(lifetime);
        }
        json!({ "id": id, "applications": [permitted] })
    };
    for (id, lifetime) in [("long", Some(172_800)), ("short", Some(60)), ("none", None), ("elsewhere", Some(61))] {
        let made = admin.post(MFA, &policy(id, lifetime)).await;
        location(&made);
        let shown = made.json()["applications"][0].get("pairing_key_lifetime").cloned();
        assert_eq!(shown, lifetime.map(|lifetime| json!(lifetime)));
    }
    let steps = |policies: &[&str]| {
        let step = |id: &&str| json!({ "id": id, "source": "mfa", "mfa_policy": id });
        let mut steps = vec![json!({ "id": "password", "source": "password" })];
        steps.extend(policies.iter().map(step));
        json!({ "id": "banking", "steps": steps })
    };
    let banking = location(&admin.post("/admin/v1/policies", &steps(&["none"])).await);
    admin.patch("/admin/v1/clients/bank-app", &json!({ "sign_on_policy": "banking" })).await.ok();
    let lasts = async |policies: &[&str]| {
        admin.patch(&banking, &json!({ "steps": steps(policies)["steps"] })).await.ok();
        let (at, _) = key_for(&admin, &alice, "bank").await;
        let key = admin.get(&at).await.ok();
        let moment = |name: &str| {
            let text = key[name].as_str().unwrap();
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
        };
        (moment("expires_at") - moment("created_at")).whole_seconds()
    };
    assert_eq!(lasts(&["none"]).await, 600, "as the server has it");
    assert_eq!(lasts(&["long"]).await, 172_800);
    assert_eq!(lasts(&["long", "short", "none"]).await, 60);
    let (_, short) = key_for(&admin, &alice, "bank").await;
    world.clock.advance(seconds(60));
    refused_as(&mut world.phone(), &short, "com.example.bank").await;
    assert_eq!(world.phone().pair_as(&usual, "com.example.bank").await.status, 201, "it was made before");
}
