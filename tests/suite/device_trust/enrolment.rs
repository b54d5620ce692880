//! Automatic enrolment [flows.md F2, F6].

use serde_json::Value;

use super::{PAIRING, Scene, authenticate, claims, json, ticket, usual};
use crate::world::{World, seconds};

#[tokio::test]
async fn t2_1_whoever_signs_in_by_the_app_may_have_it_as_a_device() {
    let scene = Scene::of(usual()).await;
    let mut phone = scene.world.phone();
    let (mut browser, id, state) = scene.by(&phone).await;
    let offer = phone.see(ticket(&state)).await.ok();
    assert_eq!(
        (&offer["user"]["display"], &offer["application"]["name"]),
        (&json!("The real alice"), &json!("The shop"))
    );
    // F6: the flow waits, and may go on whatever comes of it.
    let paired = phone.enrol(ticket(&state)).await;
    assert_eq!(paired.status, 201);
    assert_eq!(paired.json()["user"]["username"], "alice");
    let tokens = scene.tokens(&mut browser, &id).await;
    let claims = claims(&tokens);
    assert!(claims.get("device_enrollment").is_none(), "it is one already");
    assert_eq!(
        (&claims["acr"], &claims["amr"]),
        (&json!("urn:nod:acr:password"), &json!(["pwd"])),
        "nothing was waived twice"
    );
    let me = phone.me().await;
    assert_eq!(me.users.len(), 1);
}

#[tokio::test]
async fn t6_2_the_id_token_offers_what_was_not_answered() {
    let scene = Scene::of(usual()).await;
    let mut phone = scene.world.phone();
    let (mut browser, id, state) = scene.by(&phone).await;
    let tokens = scene.tokens(&mut browser, &id).await;
    let told = claims(&tokens)["device_enrollment"].clone();
    assert_eq!((&told["offered"], &told["ticket"]), (&json!(true), &state["serverPayload"]["ticket"]));
    assert_eq!(told["exp"], state["serverPayload"]["exp"]);
    assert_eq!(told["exp"], scene.world.now().seconds() + 300);
    assert!(scene.world.rows("device").await.is_empty(), "nothing is paired by a sign-in");
    assert_eq!(phone.enrol(told["ticket"].as_str().unwrap()).await.status, 201);
}

#[tokio::test]
async fn t2_2_without_a_device_a_policy_that_blocks_lets_nobody_in() {
    let mut blocks = usual();
    blocks["no_devices_mode"] = json!("block");
    let scene = Scene::of(blocks).await;
    let (mut browser, id, state) = scene.by(&scene.world.phone()).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    assert!(state.get("serverPayload").is_none());
    let failed = browser.act(&id, "cancelAuthentication", &json!({})).await.ok();
    assert_eq!((&failed["status"], &failed["authorizeResponse"]["error"]), (&json!("FAILED"), &json!("access_denied")));
}

#[tokio::test]
async fn t2_5_the_limit_is_looked_at_again_when_the_person_says_yes() {
    let world = World::with().settings(|settings| settings.max_devices = 1).start().await;
    let mut scene = Scene::in_world(world, usual()).await;
    let mut late = scene.world.phone();
    let (mut browser, id, state) = scene.by(&late).await;
    let first = scene.world.phone();
    scene.alice.pair(first).await;
    let answer = late.enrol(ticket(&state)).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (409, json!("METHOD_LIMIT_REACHED")));
    assert_eq!(scene.world.rows("device").await.len(), 1);
    scene.tokens(&mut browser, &id).await;
}

#[tokio::test]
async fn t2_6_a_no_is_heard_once_and_nothing_is_paired() {
    let scene = Scene::of(usual()).await;
    let mut phone = scene.world.phone();
    let (mut browser, id, state) = scene.by(&phone).await;
    assert_eq!(phone.refuse_enrolment(ticket(&state)).await.status, 204);
    // The sign-in counts all the same, and offers nothing more.
    let tokens = scene.tokens(&mut browser, &id).await;
    assert!(claims(&tokens).get("device_enrollment").is_none());
    scene.shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.tokens();
    for answer in [phone.enrol(ticket(&state)).await, phone.see(ticket(&state)).await] {
        assert_eq!((answer.status, answer.json()["code"].clone()), (410, json!("ENROLLMENT_GONE")));
    }
    assert!(scene.world.rows("device").await.is_empty());
}

#[tokio::test]
async fn t2_7_a_ticket_is_its_keys_alone_for_five_minutes_and_once() {
    let scene = Scene::of(usual()).await;
    let (mut phone, mut other) = (scene.world.phone(), scene.world.phone());
    let (_, _, state) = scene.by(&phone).await;
    for answer in [other.see(ticket(&state)).await, other.enrol(ticket(&state)).await] {
        assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("ENROLLMENT_NOT_FOUND")));
    }
    assert_eq!(phone.enrol(ticket(&state)).await.status, 201, "a stranger has spoiled nothing");
    assert_eq!(phone.refuse_enrolment(ticket(&state)).await.status, 410);
    assert_eq!(other.enrol(ticket(&state)).await.status, 404, "nor is it told anything afterwards");
    let (_, _, state) = scene.by(&other).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING", "there is a device now, and it was not shown");
    let scene = Scene::of(usual()).await;
    let mut late = scene.world.phone();
    let (_, _, state) = scene.by(&late).await;
    scene.world.clock.advance(seconds(300));
    assert_eq!(late.enrol(ticket(&state)).await.status, 410);
}

/// The answer was lost on its way: the phone is a device, and does not know it.
#[tokio::test]
async fn f2_a_yes_that_is_said_again_is_answered_in_the_same_way() {
    let scene = Scene::of(usual()).await;
    let mut phone = scene.world.phone();
    let (_, _, state) = scene.by(&phone).await;
    let once = phone.enrol(ticket(&state)).await;
    assert_eq!(once.status, 201);
    let watch = scene.world.watch().await;
    for minutes in [0, 6] {
        scene.world.clock.advance(seconds(60 * minutes));
        let again = phone.enrol(ticket(&state)).await;
        assert_eq!((again.status, again.json()), (201, once.json()), "{}", again.text());
    }
    assert!(watch.events().await.iter().all(|event| event.action != "device.paired"), "it was paired once");
    assert_eq!(scene.world.rows("device").await.len(), 1);
    // What is said again makes no device of what is none, or should be none.
    phone.block().await;
    phone.enrol(ticket(&state)).await.problem(410, "ENROLLMENT_GONE");
    phone.unpair_by_administrator().await;
    phone.enrol(ticket(&state)).await.problem(410, "ENROLLMENT_GONE");
    assert!(scene.world.rows("device").await.is_empty());
}

#[tokio::test]
async fn t2_8_t2_9_nothing_is_offered_without_a_payload_or_a_policy_that_says_so() {
    let mut none = usual();
    none["applications"][0]["auto_enrollment"] = json!(false);
    let scene = Scene::of(none).await;
    let phone = scene.world.phone();
    let (mut browser, id, state) = scene.by(&phone).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("bypassed")));
    assert!(claims(&scene.tokens(&mut browser, &id).await).get("device_enrollment").is_none());
    let scene = Scene::of(usual()).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], "MFA_COMPLETED");
    assert!(claims(&scene.tokens(&mut browser, &id).await).get("device_enrollment").is_none());
}

/// What the SDK says of a phone that is not as it should be, and which policies look.
fn of(mode: &str) -> Value {
    let mut mfa = usual();
    mfa["applications"][0]["integrity_detection"] = json!(mode);
    mfa
}

fn rooted(claims: &mut Value) {
    claims["sig"] = json!({ "rooted": true, "debugger": false, "hook": false });
}

/// [flows.md H.4] By the policy the sign-in counts; and the app is offered nothing.
#[tokio::test]
async fn t2_12_a_rooted_phone_is_offered_nothing_where_the_policy_looks() {
    for (mode, offered) in [("disabled", true), ("permissive", true), ("restrictive", false)] {
        let scene = Scene::of(of(mode)).await;
        let watch = scene.world.watch().await;
        let phone = scene.world.phone();
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        let state = authenticate(&mut browser, &id, &phone.payload(rooted)).await.ok();
        assert_eq!(state["status"], if offered { PAIRING } else { "MFA_COMPLETED" }, "{mode}");
        let told = claims(&scene.tokens(&mut browser, &id).await)["device_enrollment"].clone();
        if offered {
            assert_eq!(told["offered"], true);
        } else {
            assert_eq!(told, json!({ "offered": false, "reason": "DEVICE_REQUIREMENTS_FAILED" }));
        }
        let noted = watch.events().await.into_iter().filter(|event| event.reason.as_deref() == Some("device_rooted"));
        let noted: Vec<_> = noted.map(|event| event.result).collect();
        let expected: &[&str] = match mode {
            "permissive" => &["done"],
            "restrictive" => &["refused"],
            _ => &[],
        };
        assert_eq!(noted, expected, "{mode}");
    }
}

/// One that was trusted before, and is rooted now, vouches for nobody; nor is a ticket of before worth anything.
#[tokio::test]
async fn t2_12_a_rooted_phone_vouches_for_nobody_where_the_policy_looks() {
    let scene = Scene::of(of("restrictive")).await;
    let phone = scene.trusted().await;
    for (sound, expected) in [(true, "MFA_COMPLETED"), (false, "PUSH_CONFIRMATION_WAITING")] {
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        let payload = phone.payload(|claims| {
            if !sound {
                rooted(claims);
            }
        });
        let state = authenticate(&mut browser, &id, &payload).await.ok();
        assert_eq!(state["status"], expected);
    }
    let scene = Scene::of(of("permissive")).await;
    let mut phone = scene.world.phone();
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = authenticate(&mut browser, &id, &phone.payload(rooted)).await.ok();
    let admin = scene.world.robot("another", "nod:admin").await;
    let applications = of("restrictive")["applications"].clone();
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "applications": applications })).await.ok();
    phone.enrol(ticket(&state)).await.problem(410, "ENROLLMENT_GONE");
}
