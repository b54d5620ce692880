//! Phones where the policy has them, and where it does without [flows.md D.1, `mobile.enabled`].

use super::step_up::{WAITING, without_numbers};
use super::{Scene, json, ticket, usual};
use crate::world::World;

const MFA: &str = "/admin/v1/mfa-policies/mfa";

#[tokio::test]
async fn d1_a_phone_is_asked_where_the_policy_has_phones_and_nowhere_else() {
    let mut mfa = without_numbers();
    mfa["mobile"] = json!({ "enabled": false });
    mfa["email"] = json!({ "enabled": true });
    let scene = Scene::with_phones_in(World::with().letters().start().await, mfa, 1).await;
    let (_, _, state) = scene.asked().await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_USABLE_DEVICES")));
    scene.address("alice", "alice@home.example").await;
    let (_, _, state) = scene.asked().await;
    assert_eq!(state["status"], "OTP_REQUIRED");
    let kinds: Vec<_> = state["devices"].as_array().unwrap().iter().map(|device| &device["type"]).collect();
    assert_eq!(kinds, ["EMAIL"]);
    assert!(scene.alice.phone().pending().await.is_empty());

    let admin = scene.world.robot("another", "nod:admin").await;
    let off = json!({ "mobile": { "enabled": false }, "email": null, "incompatible_devices_mode": "bypass" });
    admin.patch(MFA, &off).await.ok();
    assert_eq!(scene.asked().await.2["status"], "MFA_COMPLETED");
    let changed = admin.patch(MFA, &json!({ "mobile": null })).await.ok();
    assert_eq!(changed["mobile"], json!({ "enabled": true }), "phones count where nobody says anything");
    assert_eq!(scene.asked().await.2["status"], WAITING);
}

#[tokio::test]
async fn d1_without_phones_none_vouches_by_itself_and_none_becomes_a_device() {
    let off = json!({ "mobile": { "enabled": false } });
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    assert_eq!(scene.by(&phone).await.2["code"], "device_authorized");
    let admin = scene.world.robot("another", "nod:admin").await;
    admin.patch(MFA, &off).await.ok();
    let (_, _, state) = scene.by(&phone).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_USABLE_DEVICES")));

    let scene = Scene::of(usual()).await;
    let mut late = scene.world.phone();
    let (_, _, offered) = scene.by(&late).await;
    let admin = scene.world.robot("another", "nod:admin").await;
    admin.patch(MFA, &off).await.ok();
    late.enrol(ticket(&offered)).await.problem(410, "ENROLLMENT_GONE");
    let (_, _, state) = scene.by(&scene.world.phone()).await;
    assert_eq!(state["status"], "MFA_COMPLETED", "{state}");
    assert!(state.get("serverPayload").is_none(), "{state}");
    assert!(scene.world.rows("device").await.is_empty());
}
