//! What is no payload of this app, now, in this flow [flows.md H.2, T1.5].

use serde_json::Value;

use super::{Scene, authenticate, json, usual};
use crate::world::{CHALLENGE, FLOWS, World, seconds};

#[tokio::test]
async fn t1_5_what_is_no_payload_is_refused_and_changes_nothing() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let before = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let now = scene.world.now().seconds();
    let claims: [(&str, Value); 8] = [
        ("aud", json!("https://other.example")),
        ("app", json!("another-app")),
        ("pkg", json!("com.example.evil")),
        ("v", json!(2)),
        ("exp", json!(now + 3600)),
        ("more", json!(1)),
        ("bind", json!(nod_device::PayloadBinding::of("another flow"))),
        ("model", json!("m".repeat(65))),
    ];
    let mut all: Vec<(String, String)> = claims
        .into_iter()
        .map(|(name, value)| (name.to_owned(), phone.payload(|claims| claims[name] = value)))
        .collect();
    all.push((
        "old".to_owned(),
        phone.payload(|claims| {
            claims["iat"] = json!(now - 181);
            claims["exp"] = json!(now - 61);
        }),
    ));
    all.push((
        "early".to_owned(),
        phone.payload(|claims| {
            claims["iat"] = json!(now + 61);
            claims["exp"] = json!(now + 181);
        }),
    ));
    let whole = phone.payload(|_| {});
    let (signed, _) = whole.rsplit_once('.').unwrap();
    let (_, of_another) =
        scene.world.phone().payload(|_| {}).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    all.push(("signature".to_owned(), format!("{signed}.{of_another}")));
    all.push(("nothing".to_owned(), "x".to_owned()));
    for (what, payload) in all {
        let answer = authenticate(&mut browser, &id, &payload).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("VALIDATION_ERROR")), "{what}");
        assert_eq!(answer.json()["details"][0]["code"], "INVALID_MOBILE_PAYLOAD", "{what}");
        assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), before, "{what}");
    }
    // Bound to this flow, it is one.
    let bound = phone.payload(|claims| claims["bind"] = json!(nod_device::PayloadBinding::of(&id)));
    assert_eq!(authenticate(&mut browser, &id, &bound).await.ok()["status"], super::PAIRING);
}

#[tokio::test]
async fn t1_5_a_payload_belongs_to_the_flow_that_saw_it_first() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let mut other = scene.world.browser();
    let id = scene.at_second_factor(&mut other).await;
    let unbound = phone.payload(|_| {});
    let mut third = scene.world.browser();
    let first = scene.at_second_factor(&mut third).await;
    assert_eq!(authenticate(&mut third, &first, &unbound).await.status, 200);
    let replayed = authenticate(&mut other, &id, &unbound).await;
    assert_eq!(replayed.status, 400);
    assert_eq!(replayed.json()["details"][0]["code"], "INVALID_MOBILE_PAYLOAD");
}

/// [flows.md H.2; security.md case 86] Where the server wants it, each payload is for one sign-in before anybody sees it.
#[tokio::test]
async fn h2_a_payload_that_names_no_sign_in_is_refused_where_each_has_to() {
    let world = World::with().settings(|settings| settings.payloads.bound = true).start().await;
    let scene = Scene::in_world(world, usual()).await;
    let phone = scene.world.phone();
    let bound = |to: &str| phone.payload(|claims| claims["bind"] = json!(nod_device::PayloadBinding::of(to)));
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let refused = authenticate(&mut browser, &id, &phone.payload(|_| {})).await;
    assert_eq!((refused.status, refused.json()["details"][0]["code"].clone()), (400, json!("INVALID_MOBILE_PAYLOAD")));
    assert_eq!(authenticate(&mut browser, &id, &bound("another flow")).await.status, 400);
    assert_eq!(authenticate(&mut browser, &id, &bound(&id)).await.ok()["status"], super::PAIRING);
    // In a web view it is the request that it names.
    let mut browser = scene.world.browser();
    let callback = scene.opened(&mut browser, &phone.payload(|_| {})).await.expect_err("back at the app");
    callback.error("invalid_request");
    scene.opened(&mut browser, &bound(CHALLENGE)).await.expect("a page");
}

/// By the clock of the server, and a minute more for that of the phone.
#[tokio::test]
async fn h2_a_payload_is_no_older_than_the_server_wants_it() {
    for (max_age, good_for) in [(10, 70), (120, 180)] {
        let world = World::with().settings(move |settings| settings.payloads.max_age = seconds(max_age)).start().await;
        let scene = Scene::in_world(world, usual()).await;
        let phone = scene.world.phone();
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        let old = phone.payload(|_| {});
        scene.world.clock.advance(seconds(good_for));
        let refused = authenticate(&mut browser, &id, &old).await;
        assert_eq!(refused.json()["details"][0]["code"], "INVALID_MOBILE_PAYLOAD", "{max_age}");
        let made = phone.payload(|_| {});
        scene.world.clock.advance(seconds(good_for - 1));
        assert_eq!(authenticate(&mut browser, &id, &made).await.ok()["status"], super::PAIRING, "{max_age}");
    }
}

/// [security.md 87] Nothing is trusted by an app that is known to be too old; why, the audit trail alone says.
#[tokio::test]
async fn security_87_a_payload_of_an_old_sdk_is_refused_where_the_operator_says_so() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let by = |version: Option<&str>| {
        phone.payload(|claims| {
            claims.as_object_mut().unwrap().remove("sdkv");
            if let Some(version) = version {
                claims["sdkv"] = json!(version);
            }
        })
    };
    {
        let admin = scene.world.robot("operator", "nod:admin").await;
        let change = json!({ "min_sdk_version": "1.4.0" });
        admin.patch("/admin/v1/native-applications/shop-app", &change).await.ok();
    }
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let before = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let watch = scene.world.watch().await;
    for old in [Some("1.3.9"), Some("1.4.0-rc.1"), Some("1.4"), Some("new"), None] {
        let answer = authenticate(&mut browser, &id, &by(old)).await;
        assert_eq!(answer.status, 400, "{old:?}");
        assert_eq!(answer.json()["details"][0]["code"], "INVALID_MOBILE_PAYLOAD", "{old:?}");
        assert!(!answer.text().contains("old"), "{}", answer.text());
        assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), before, "{old:?}");
    }
    crate::admin::until("the reason", async || {
        let mut reasons = watch.events().await.into_iter().filter_map(|event| event.reason);
        reasons.any(|why| why.contains("an SDK that is too old")).then_some(())
    })
    .await;
    assert_eq!(authenticate(&mut browser, &id, &by(Some("1.4.0"))).await.ok()["status"], super::PAIRING);
}
