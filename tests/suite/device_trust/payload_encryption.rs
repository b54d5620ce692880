//! A payload that nobody but the server can read: in a URL it has to be one [flows.md H.2, F6, F7].

use nod_device::encryption::{PayloadKey, encrypt_mobile_payload};
use serde_json::Value;

use super::{PASSWORD, Scene, authenticate, json, usual};
use crate::world::{JWKS, World};

impl Scene {
    /// What the server publishes, and what somebody changes of it.
    async fn payload_key(&self, change: impl FnOnce(&mut Value)) -> PayloadKey {
        let mut jwks = self.world.get(JWKS).await.json();
        let keys = jwks["keys"].as_array_mut().unwrap();
        change(keys.iter_mut().find(|key| key["use"] == "enc").expect("a key to encrypt for"));
        PayloadKey::from_jwks(jwks.to_string().as_bytes()).unwrap()
    }
}

#[tokio::test]
async fn h2_an_encrypted_payload_in_a_url_is_read_and_no_other() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let key = scene.payload_key(|_| {}).await;
    let encrypted = |payload: &str| encrypt_mobile_payload(payload, &key).unwrap();
    let mut browser = scene.world.browser();
    let payload = encrypted(&phone.payload(|_| {}));
    let page = browser.authorize(&scene.shop, &[("mobilePayload", &payload)]).await.expect("a page");
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.expect_err("back at the app");
    assert_eq!(scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");

    let other = scene.payload_key(|key| key["kid"] = json!("another")).await;
    let used = phone.payload(|_| {});
    let mut first = scene.world.browser();
    first.authorize(&scene.shop, &[("mobilePayload", &encrypted(&used))]).await.expect("a page");
    for (what, payload) in [
        ("in the clear", phone.payload(|_| {})),
        ("for another key", encrypt_mobile_payload(&phone.payload(|_| {}), &other).unwrap()),
        ("no payload", encrypted("a.b.c")),
        ("encrypted twice", encrypted(&encrypted(&phone.payload(|_| {})))),
        ("of another app", encrypted(&phone.payload(|claims| claims["app"] = json!("other")))),
        ("of another sign-in, encrypted anew", encrypted(&used)),
        ("nothing at all", "....".to_owned()),
    ] {
        let mut browser = scene.world.browser();
        let refused = browser.authorize(&scene.shop, &[("mobilePayload", &payload)]).await;
        refused.expect_err(what).error("invalid_request");
    }
}

#[tokio::test]
async fn h2_an_encrypted_payload_is_read_in_a_flow_too() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let key = scene.payload_key(|_| {}).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let spoiled = encrypt_mobile_payload("a.b.c", &key).unwrap();
    let refused = authenticate(&mut browser, &id, &spoiled).await;
    assert_eq!((refused.status, refused.json()["details"][0]["code"].clone()), (400, json!("INVALID_MOBILE_PAYLOAD")));
    let bound = phone.payload(|claims| claims["bind"] = json!(nod_device::PayloadBinding::of(&id)));
    let encrypted = encrypt_mobile_payload(&bound, &key).unwrap();
    assert_eq!(authenticate(&mut browser, &id, &encrypted).await.ok()["status"], super::PAIRING);
}

#[tokio::test]
async fn h2_each_payload_is_encrypted_where_the_server_says_so() {
    let world = World::with().settings(|settings| settings.payloads.encrypted = true).start().await;
    let scene = Scene::in_world(world, usual()).await;
    let phone = scene.world.phone();
    let key = scene.payload_key(|_| {}).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let refused = authenticate(&mut browser, &id, &phone.payload(|_| {})).await;
    assert_eq!((refused.status, refused.json()["details"][0]["code"].clone()), (400, json!("INVALID_MOBILE_PAYLOAD")));
    let encrypted = || encrypt_mobile_payload(&phone.payload(|_| {}), &key).unwrap();
    assert_eq!(authenticate(&mut browser, &id, &encrypted()).await.ok()["status"], super::PAIRING);
    // In a web view that pushed its request, too.
    let mut browser = scene.world.browser();
    let callback = scene.opened(&mut browser, &phone.payload(|_| {})).await.expect_err("back at the app");
    callback.error("invalid_request");
    scene.opened(&mut browser, &encrypted()).await.expect("a page");
}

/// Both nodes open what is encrypted for either: the key is that of the master key.
#[tokio::test]
async fn h2_every_node_publishes_the_same_key() {
    let world = World::with().nodes(2).start().await;
    let key = async |node: usize| {
        let jwks = crate::world::Answer::of(world.at(node).request(reqwest::Method::GET, JWKS)).await.json();
        jwks["keys"].as_array().unwrap().iter().find(|key| key["use"] == "enc").cloned().expect("a key")
    };
    assert_eq!(key(0).await, key(1).await);
}
