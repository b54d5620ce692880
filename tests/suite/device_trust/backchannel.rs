//! A relying party asks whose sign-on policy asks for a second factor: the MFA policy says on which phone, how long,
//! with which numbers and how often [flows.md F12, H.4].

use nod::domain::client::NumberMatching;
use nod::protocol::public_id::{self, Kind};
use nod_device::NumberMatching as Shown;

use super::step_up::{WAITING, gives_up, without_numbers};
use super::{Scene, Value, json, usual};
use crate::admin::until;
use crate::world::{Builder, World, seconds};

const ALICE: [(&str, &str); 2] = [("login_hint", "alice"), ("scope", "openid")];

fn uniform() -> Builder {
    World::with().settings(|settings| settings.policy.uniform = true)
}

#[tokio::test]
async fn f12_the_primary_phone_is_asked_and_no_other_answers() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let [first, second] = &scene.alice.phones[..] else { panic!("two phones") };
    let asked = scene.shop.ask(&scene.alice).await;
    let question = first.question().await;
    assert!(second.pending().await.is_empty(), "one device is asked");
    assert_eq!(second.approve(&question).await.status, 404, "and no other answers");
    first.approve(&question).await.ok();
    let told = super::claims(&scene.shop.poll(&asked).await.ok());
    assert_eq!(told["acr"], "urn:nod:acr:device");

    let admin = scene.world.robot("operator", "nod:admin").await;
    let device = public_id::encode(Kind::Device, first.device().uuid());
    let of_device = format!("/admin/v1/audit?type=request.created&device_id={device}");
    until("it is written on which", async || {
        let events = admin.get(&of_device).await.ok();
        events["items"].as_array().is_some_and(|items| items.len() == 1).then_some(())
    })
    .await;
    // Whichever is the primary one.
    let other = public_id::encode(Kind::Device, second.device().uuid());
    admin.act(&format!("/admin/v1/devices/{other}/make-primary")).await.ok();
    let asked = scene.shop.ask(&scene.alice).await;
    assert!(first.pending().await.is_empty());
    second.approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn t12_11_by_a_policy_the_next_phone_is_asked_when_the_primary_one_is_off() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    scene.alice.phones[0].block().await;
    let asked = scene.shop.ask(&scene.alice).await;
    scene.alice.phones[1].approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
    scene.alice.phones[1].block().await;
    let asked = scene.shop.ask(&scene.alice).await;
    scene.shop.poll(&asked).await.refused(400, "access_denied");
}

/// However the policy does without for those who sign in.
#[tokio::test]
async fn t12_10_a_policy_that_does_without_devices_lets_no_client_have_tokens() {
    let mut mfa = usual();
    mfa["incompatible_devices_mode"] = json!("bypass");
    mfa["applications"][0]["push"] = json!(false);
    for (builder, error) in [(World::with(), "access_denied"), (uniform(), "authorization_pending")] {
        let mut scene = Scene::in_world(builder.start().await, mfa.clone()).await;
        let nobody = scene.shop.ask(&scene.alice).await;
        scene.shop.poll(&nobody).await.refused(400, error);
        scene.world.clock.advance(seconds(41));
        // An app by which the policy has nobody asked.
        let app = scene.trusted().await;
        let asked = scene.shop.ask(&scene.alice).await;
        assert!(app.pending().await.is_empty());
        scene.shop.poll(&asked).await.refused(400, error);
        scene.world.clock.advance(seconds(41));
        // Another phone is, though that one is the primary one.
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
        let asked = scene.shop.ask(&scene.alice).await;
        assert!(app.pending().await.is_empty());
        scene.alice.phone().approve_the_question().await;
        scene.shop.poll(&asked).await.tokens();
    }
}

/// [security.md case 122]
#[tokio::test]
async fn t9_12_what_a_client_asks_counts_as_what_a_sign_in_asks() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 2 });
    let scene = Scene::with_phones(mfa, 1).await;
    let phone = scene.alice.phone();
    scene.shop.ask(&scene.alice).await;
    // Nobody is rung by these.
    for _ in 0..4 {
        let full = scene.shop.bc_authorize(&ALICE).await;
        assert!(full.refused(429, "temporarily_unavailable").retry_after() <= 40);
    }
    phone.deny_the_question().await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING, "there was one");
    gives_up(&mut browser, &id).await;
    let locked = scene.shop.bc_authorize(&ALICE).await;
    assert_eq!(locked.refused(429, "temporarily_unavailable").retry_after(), 1800);
    assert!(phone.pending().await.is_empty());
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let failed = browser.act(&id, "authenticate", &json!({})).await;
    assert_eq!((failed.status, &failed.json()["details"][0]["code"]), (400, &json!("PUSH_FAILED")));
    // It is the way that is locked, and not for ever.
    scene.world.clock.advance(seconds(1799));
    assert_eq!(scene.shop.bc_authorize(&ALICE).await.refused(429, "temporarily_unavailable").retry_after(), 1);
    scene.world.clock.advance(seconds(1));
    let asked = scene.shop.ask(&scene.alice).await;
    phone.approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn security_55_the_limit_of_a_policy_tells_nobody_who_exists() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 1 });
    let mut scene = Scene::in_world(uniform().start().await, mfa).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    let _without = scene.world.user("bob").await;
    let mut statuses = Vec::new();
    for hint in ["alice", "bob", "carol"] {
        let fields = [("login_hint", hint), ("scope", "openid")];
        let mut own = Vec::new();
        for _ in 0..3 {
            let answer = scene.shop.bc_authorize(&fields).await;
            let wait = (answer.status == 429).then(|| answer.retry_after());
            own.push((answer.status, wait, answer.json().get("expires_in").cloned()));
            scene.world.clock.advance(seconds(41));
        }
        statuses.push(own);
    }
    assert_eq!(statuses[0], statuses[1], "who has a phone is seen");
    assert_eq!(statuses[0], statuses[2], "who exists is seen");
    let of_alice: Vec<_> = statuses[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(of_alice, [200, 429, 429]);
}

#[tokio::test]
async fn f12_a_question_waits_no_longer_than_the_policy_says() {
    for (timeout, requested, told) in [
        (None, None, 40),
        (None, Some("20"), 20),
        (None, Some("100"), 40),
        (Some(150), None, 120),
        (Some(150), Some("200"), 150),
    ] {
        let mut mfa = without_numbers();
        if let Some(seconds) = timeout {
            mfa["push_timeout"] = json!(seconds);
        }
        let scene = Scene::with_phones(mfa, 1).await;
        let fields: Vec<_> = requested.map(|expiry| ("requested_expiry", expiry)).into_iter().collect();
        let asked = scene.shop.ask_with(&scene.alice, &fields).await;
        assert_eq!(asked.json["expires_in"], told, "{timeout:?} {requested:?}");
        let question = scene.alice.phone().question().await;
        scene.world.clock.advance(seconds(told));
        scene.shop.poll(&asked).await.refused(400, "expired_token");
        assert_eq!(scene.alice.phone().approve(&question).await.status, 409);
    }
}

/// As the client is registered, or more; and a client that shows no number has nobody carry one.
#[tokio::test]
async fn f12_the_policy_says_which_numbers_are_carried() {
    for (policy, registered, shown) in [
        ("pick", None, None),
        ("type", None, None),
        ("off", Some(NumberMatching::Pick), Some("SELECT_NUMBER")),
        ("pick", Some(NumberMatching::Type), Some("ENTER_MANUALLY")),
        ("type", Some(NumberMatching::Pick), Some("ENTER_MANUALLY")),
    ] {
        let scene = Scene::with_phones(json!({ "id": "mfa", "number_matching": policy }), 1).await;
        let bank = scene.world.client("bank");
        let bank = match registered {
            Some(matching) => bank.number_matching(matching).await,
            None => bank.await,
        };
        let asked = bank.ask(&scene.alice).await;
        let question = scene.alice.phone().question().await;
        assert_eq!(asked.json["number_matching"]["type"].as_str(), shown, "{policy} {registered:?}");
        let on_phone = question.number_matching.as_ref().map(|matching| match matching {
            Shown::SelectNumber { .. } => "SELECT_NUMBER",
            Shown::EnterManually => "ENTER_MANUALLY",
            Shown::Unknown => "UNKNOWN",
        });
        assert_eq!(on_phone, shown, "{policy} {registered:?}");
        let answer = match shown {
            Some(_) => scene.alice.phone().approve_with(&question, asked.number()).await,
            None => scene.alice.phone().approve(&question).await,
        };
        answer.ok();
        bank.poll(&asked).await.tokens();
    }
}

/// All phones ring then, the primary one first, and any may answer.
#[tokio::test]
async fn f12_where_no_policy_asks_for_a_second_factor_all_phones_are_asked() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let bank = scene.world.client("bank").await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let (first, second) = (&scene.alice.phones[0], &scene.alice.phones[1]);
    let steps = |when: Value| {
        json!([
            { "id": "password", "source": "password" },
            { "id": "mfa", "source": "mfa", "mfa_policy": "mfa", "when": when },
        ])
    };
    let settings = "/admin/v1/sign-on-settings";
    for (path, change, of_bank) in [
        ("/admin/v1/policies/both", json!({ "steps": steps(json!([{ "clients": ["shop"] }])) }), 2),
        ("/admin/v1/policies/both", json!({ "steps": steps(json!([{ "acr": "urn:nod:acr:device" }])) }), 2),
        ("/admin/v1/policies/both", json!({ "steps": steps(json!([{ "scopes": ["profile"] }])) }), 1),
        ("/admin/v1/policies/both", json!({ "steps": steps(json!([{ "not_within": 60 }])) }), 1),
        (settings, json!({ "policies_disabled": true }), 2),
        (settings, json!({ "policies_disabled": false, "default_policy": null }), 2),
    ] {
        admin.patch(path, &change).await.ok();
        let asked = bank.ask(&scene.alice).await;
        assert_eq!(first.pending().await.len(), 1, "{change}");
        assert_eq!(second.pending().await.len() + 1, of_bank, "{change}");
        let answering = if of_bank == 2 { second } else { first };
        answering.approve_the_question().await;
        bank.poll(&asked).await.tokens();
    }
}

/// A step that asks for a context is for those who ask for that.
#[tokio::test]
async fn f12_what_the_client_asks_for_counts_as_in_a_sign_in() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "mfa", "source": "mfa", "mfa_policy": "mfa", "when": [{ "acr": "urn:nod:acr:device" }] },
    ]);
    admin.patch("/admin/v1/policies/both", &json!({ "steps": steps })).await.ok();
    let second = &scene.alice.phones[1];
    for (fields, rings) in [(vec![], true), (vec![("acr_values", "urn:nod:acr:device")], false)] {
        let asked = scene.shop.ask_with(&scene.alice, &fields).await;
        assert_eq!(!second.pending().await.is_empty(), rings, "{fields:?}");
        scene.alice.phone().approve_the_question().await;
        scene.shop.poll(&asked).await.tokens();
    }
}
