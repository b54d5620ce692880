//! Questions on the phone, and what becomes of answers.

use nod::domain::client::NumberMatching;
use nod::domain::device::Status;
use nod_device::proof::{Statement, UnverifiedProof};
use nod_device::{Call, DenyReason, Kind};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::world::{World, counted, seconds};

#[tokio::test]
async fn a_question_says_who_asks_what_and_until_when() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    world.clock.advance(seconds(3));
    shop.ask_with(&alice, &[("binding_message", "W4SCT"), ("scope", "openid profile")]).await;
    world.clock.advance(seconds(10));

    let question = alice.phone().question().await;
    assert_eq!(question.kind, Kind::Authentication);
    assert_eq!(question.title, "The shop asks for your approval");
    assert_eq!(question.body, "W4SCT");
    let context = &question.client_context;
    assert_eq!((context.client_id.as_str(), context.client_name.as_str()), ("shop", "The shop"));
    assert_eq!(context.scope, "openid profile");
    assert_eq!(question.device_id, alice.phone().device());
    assert_eq!(question.user_id.to_string(), alice.id.to_string());
    assert_eq!(question.issued_at.seconds(), world.now().seconds() - 10);
    assert_eq!(question.expires_at.seconds(), world.now().seconds() + 110);
    assert_eq!(question.timeout_duration, 110);
    assert_eq!(question.number_matching, None);

    let answer = alice.phone().call(&Call::notification(question.notification_id)).await;
    assert_eq!(serde_json::from_value::<nod_device::Notification>(answer.ok()).unwrap(), question);
    let text = answer.text();
    assert!(text.contains("\"expiresAt\":\"2027-01-15T08:02:03Z\""), "RFC 3339 in UTC: {text}");
    assert!(!text.contains("null"), "what is not there is absent: {text}");
}

#[tokio::test]
async fn questions_that_are_not_there_are_not_found() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let phone = alice.phone();
    for id in ["00000000-0000-4000-8000-000000000000", "x", "*", "00000000000040008000000000000000"] {
        let mut crafted = phone.craft(&Call::me());
        crafted.path = format!("/device/v1/notifications/{id}");
        let crafted = {
            let htu = format!("{}{}", world.issuer(), crafted.path);
            crafted.claim("htu", htu)
        };
        phone.warm().await;
        let watch = world.watch().await;
        phone.send(&crafted).await.problem(404, "NOTIFICATION_NOT_FOUND");
        watch.only_a_refusal(id).await;
    }
}

#[tokio::test]
async fn security_110_the_first_answer_stands() {
    for first_is_yes in [true, false] {
        let world = World::start().await;
        let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
        let asked = shop.ask(&alice).await;
        let phone = alice.phone();
        let question = phone.question().await;
        if first_is_yes {
            phone.approve(&question).await.ok();
        } else {
            phone.deny(&question, DenyReason::None).await.ok();
        }
        let other = || async {
            if first_is_yes { phone.deny(&question, DenyReason::None).await } else { phone.approve(&question).await }
        };
        for _ in 0..2 {
            let watch = world.watch().await;
            other().await.problem(409, "ALREADY_DECIDED");
            watch.only_a_refusal("another answer").await;
            phone.deny(&question, DenyReason::ReportFraud).await.problem(409, "ALREADY_DECIDED");
        }
        if first_is_yes {
            shop.poll(&asked).await.tokens();
        } else {
            shop.poll(&asked).await.refused(400, "access_denied");
        }
        other().await.problem(409, "ALREADY_DECIDED");
    }
}

/// The phone did not hear the answer to its decision, and says it again with a new proof.
#[tokio::test]
async fn an_answer_that_is_said_again_is_told_again() {
    for yes in [true, false] {
        let world = World::start().await;
        let shop = world.client("shop").await;
        let alice = world.user("alice").with_phone().with_phone().await;
        let asked = shop.ask(&alice).await;
        let (phone, other) = (&alice.phones[0], &alice.phones[1]);
        let (question, others) = (phone.question().await, other.question().await);
        let call = || if yes { phone.craft_approval(&question, None) } else { phone.craft_denial(&question) };
        let first = call();
        let proof = phone.sign(&first);
        let told = phone.send_with(&first, &proof).await.ok();
        assert_eq!(told, json!({"status": if yes { "APPROVED" } else { "DENIED" }}));
        for redeemed in [false, true] {
            if redeemed && yes {
                shop.poll(&asked).await.tokens();
            }
            let watch = world.watch().await;
            assert_eq!(phone.send(&call()).await.ok(), told);
            watch.nothing("the same again").await;
        }

        // It is the same only from the same phone, in time, and with a proof of its own.
        phone.send_with(&first, &proof).await.problem(401, "PROOF_REPLAYED");
        let others = if yes { other.craft_approval(&others, None) } else { other.craft_denial(&others) };
        let watch = world.watch().await;
        other.send(&others).await.problem(409, "ALREADY_DECIDED");
        watch.only_a_refusal("another phone's").await;
        phone.deny(&question, DenyReason::ReportFraud).await.problem(409, "ALREADY_DECIDED");
        world.clock.advance(seconds(120));
        phone.call(&Call::me()).await.ok();
        phone.send(&call()).await.problem(409, "ALREADY_DECIDED");
    }
}

#[tokio::test]
async fn of_answers_at_the_same_time_one_stands() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let asked = shop.ask(&alice).await;
    let (one, two) = (&alice.phones[0], &alice.phones[1]);
    let (question_one, question_two) = (one.question().await, two.question().await);
    let (yes, no) =
        futures_util::future::join(one.approve(&question_one), two.deny(&question_two, DenyReason::None)).await;
    let won = [&yes, &no].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1, "{} {}", yes.text(), no.text());
    if yes.status == 200 {
        no.problem(409, "ALREADY_DECIDED");
        shop.poll(&asked).await.tokens();
    } else {
        yes.problem(409, "ALREADY_DECIDED");
        shop.poll(&asked).await.refused(400, "access_denied");
    }
}

#[tokio::test]
async fn security_106_only_what_the_server_asked_can_be_approved() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask_with(&alice, &[("binding_message", "EUR 10")]).await;
    let phone = alice.phone();
    let question = phone.question().await;
    let mut other = question.clone();
    other.body = "EUR 1".to_owned();
    let mut shorter = question.clone();
    shorter.client_context.binding_message = None;
    let mut title = question.clone();
    title.title.push('\u{200b}');
    for shown in [other, shorter, title] {
        let watch = world.watch().await;
        let crafted = phone.craft_approval(&question, None).said("contextHash", json!(shown.context_hash()));
        phone.send(&crafted).await.problem(400, "CONTEXT_HASH_MISMATCH");
        watch.only_a_refusal("another text").await;
    }
    let watch = world.watch().await;
    let crafted = phone.craft_denial(&question).claim("contextHash", json!(b64_of_zeroes()));
    phone.send(&crafted).await.problem(400, "CONTEXT_HASH_MISMATCH");
    watch.only_a_refusal("a denial of another text").await;
    shop.poll(&asked).await.refused(400, "authorization_pending");
    phone.approve(&question).await.ok();
}

fn b64_of_zeroes() -> String {
    crate::world::b64(&[0; 32])
}

#[tokio::test]
async fn a_body_that_differs_from_what_was_signed_is_refused() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    shop.ask(&alice).await;
    let phone = alice.phone();
    let question = phone.question().await;
    let other_device = json!(alice.phones[1].device());
    let other_user = json!("00000000-0000-4000-8000-000000000000");
    for (name, value) in [
        ("deviceId", other_device.clone()),
        ("userId", other_user.clone()),
        ("amr", json!(["face"])),
        ("contextHash", json!(b64_of_zeroes())),
        ("numberPicked", json!(12)),
    ] {
        let watch = world.watch().await;
        let crafted = phone.craft_approval(&question, None).with_body(|body| body[name] = value);
        phone.send(&crafted).await.problem(400, "PROOF_MISMATCH");
        watch.only_a_refusal(name).await;
    }
    for (name, value) in [("deviceId", other_device), ("userId", other_user), ("reason", json!("REPORT_FRAUD"))] {
        let watch = world.watch().await;
        let crafted = phone.craft_denial(&question).with_body(|body| body[name] = value);
        phone.send(&crafted).await.problem(400, "PROOF_MISMATCH");
        watch.only_a_refusal(name).await;
    }
    phone.approve(&question).await.ok();
}

#[tokio::test]
async fn a_phone_answers_with_its_own_device_alone() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let asked = shop.ask(&alice).await;
    let (one, two) = (&alice.phones[0], &alice.phones[1]);
    let question = two.question().await;
    // In the name of the other phone of the same person.
    let attempts = [
        two.craft_approval(&question, None).said("deviceId", json!(one.device())),
        two.craft_approval(&question, None).claim("iss", json!(one.installation())),
        two.craft_approval(&question, None).said("userId", json!("00000000-0000-4000-8000-000000000000")),
    ];
    for crafted in attempts {
        let watch = world.watch().await;
        two.send(&crafted).await.problem(400, "PROOF_MISMATCH");
        watch.only_a_refusal("another device's name").await;
    }
    two.approve(&question).await.ok();
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn security_123_the_right_number_approves() {
    for matching in [NumberMatching::Pick, NumberMatching::Type] {
        let world = World::start().await;
        let shop = world.client("shop").number_matching(matching).await;
        let alice = world.user("alice").with_phone().await;
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        alice.phone().approve_with(&question, asked.number()).await.ok();
        let (_, claims) = world.verified(&shop.poll(&asked).await.tokens().id_token).await;
        assert_eq!(claims["acr"], "urn:nod:acr:device-number");
    }
}

/// A number that an app takes for an answer.
fn offered(question: &nod_device::Notification) -> u32 {
    match &question.number_matching {
        Some(nod_device::NumberMatching::SelectNumber { options }) => options[0],
        _ => 10,
    }
}

#[tokio::test]
async fn security_123_a_wrong_number_denies_for_good() {
    for matching in [NumberMatching::Pick, NumberMatching::Type] {
        for wrong in [None, Some(0), Some(100), Some(300), Some(u32::MAX)] {
            let world = World::start().await;
            let shop = world.client("shop").number_matching(matching).await;
            let alice = world.user("alice").with_phone().await;
            let asked = shop.ask(&alice).await;
            let phone = alice.phone();
            let question = phone.question().await;
            // Another number of two digits, or one that nobody was shown.
            let wrong = wrong.unwrap_or(if asked.number() == 10 { 11 } else { 10 });
            let crafted = || phone.craft_approval(&question, Some(offered(&question)));
            let watch = world.watch().await;
            phone.send(&crafted().said("numberPicked", wrong)).await.problem(403, "NUMBER_MISMATCH");
            let events = watch.events().await;
            assert_eq!(events.len(), 1, "{events:?}");
            assert_eq!(
                (events[0].action.as_str(), events[0].reason.as_deref()),
                ("request.denied", Some("wrong_number"))
            );

            let watch = world.watch().await;
            phone.send(&crafted().said("numberPicked", wrong)).await.problem(403, "NUMBER_MISMATCH");
            watch.nothing("the same wrong number again").await;
            phone.approve_with_any(&question, asked.number()).await.problem(409, "ALREADY_DECIDED");
            shop.poll(&asked).await.refused(400, "access_denied");
            assert!(phone.pending().await.is_empty());
        }
    }
}

/// An app that leaves out the question for the number is no way around it.
#[tokio::test]
async fn security_123_a_yes_without_the_number_denies_for_good() {
    for matching in [NumberMatching::Pick, NumberMatching::Type] {
        let world = World::start().await;
        let shop = world.client("shop").number_matching(matching).await;
        let alice = world.user("alice").with_phone().await;
        let asked = shop.ask(&alice).await;
        let phone = alice.phone();
        let question = phone.question().await;
        let bare = || phone.craft_approval(&question, Some(offered(&question))).said("numberPicked", Value::Null);
        let watch = world.watch().await;
        phone.send(&bare()).await.problem(403, "NUMBER_MISMATCH");
        let events = watch.events().await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((events[0].action.as_str(), events[0].reason.as_deref()), ("request.denied", Some("wrong_number")));
        let watch = world.watch().await;
        phone.send(&bare()).await.problem(403, "NUMBER_MISMATCH");
        watch.nothing("the same again").await;
        phone.approve_with_any(&question, asked.number()).await.problem(409, "ALREADY_DECIDED");
        shop.poll(&asked).await.refused(400, "access_denied");
    }
}

/// The person can say no without a number.
#[tokio::test]
async fn security_123_a_no_needs_no_number() {
    let world = World::start().await;
    let shop = world.client("shop").number_matching(NumberMatching::Pick).await;
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;
    let phone = alice.phone();
    phone.deny(&phone.question().await, DenyReason::None).await.ok();
    shop.poll(&asked).await.refused(400, "access_denied");
}

/// Whoever runs the server sees how many.
#[tokio::test]
async fn security_123_wrong_numbers_are_counted() {
    let wrong_numbers = || counted("nod_decisions_total{outcome=\"wrong_number\"}");
    let world = World::start().await;
    let shop = world.client("shop").number_matching(NumberMatching::Type).await;
    let alice = world.user("alice").with_phone().await;
    for number in [json!(0), Value::Null] {
        shop.ask(&alice).await;
        let question = alice.phone().question().await;
        let before = wrong_numbers();
        let answer = alice.phone().craft_approval(&question, Some(10)).said("numberPicked", number);
        alice.phone().send(&answer).await.problem(403, "NUMBER_MISMATCH");
        assert!(wrong_numbers() > before, "other tests may count as well, and none the other way");
    }
}

#[tokio::test]
async fn security_123_a_number_that_nobody_asked_for_is_refused() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let phone = alice.phone();
    let question = phone.question().await;
    let watch = world.watch().await;
    phone.send(&phone.craft_approval(&question, None).said("numberPicked", 12)).await.problem(400, "NUMBER_REQUIRED");
    watch.only_a_refusal("a superfluous number").await;
    phone.approve(&question).await.ok();
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn security_123_which_number_is_right_is_nowhere_on_the_phone() {
    let world = World::start().await;
    let shop = world.client("shop").number_matching(NumberMatching::Type).await;
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;
    let phone = alice.phone();
    for call in [Call::pending(), Call::notification(phone.question().await.notification_id)] {
        let text = phone.call(&call).await.text();
        let members: Value = serde_json::from_str(&text).unwrap();
        let matching = members.pointer("/numberMatching").or(members.pointer("/notifications/0/numberMatching"));
        assert_eq!(matching, Some(&json!({"type": "ENTER_MANUALLY"})));
        assert!(!text.contains(&format!(":{}", asked.number())) || text.contains("timeoutDuration"), "{text}");
    }
}

#[tokio::test]
async fn security_94_a_blocked_device_answers_nothing() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let asked = shop.ask(&alice).await;
    let (lost, kept) = (&alice.phones[0], &alice.phones[1]);
    let question = lost.question().await;
    lost.block().await;

    let watch = world.watch().await;
    lost.approve(&question).await.problem(403, "DEVICE_BLOCKED");
    watch.only_a_refusal("a blocked device").await;
    lost.deny(&question, DenyReason::None).await.problem(403, "DEVICE_BLOCKED");
    let pending = lost.call(&Call::pending()).await;
    assert!(pending.status == 403 || pending.ok()["notifications"] == json!([]), "{}", pending.text());
    shop.poll(&asked).await.refused(400, "authorization_pending");
    kept.approve(&kept.question().await).await.ok();
    shop.poll(&asked).await.tokens();

    lost.set_status(Status::Active).await;
    let asked = shop.ask(&alice).await;
    lost.approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn a_device_that_was_paired_after_the_question_may_not_answer_it() {
    let world = World::start().await;
    let (shop, mut alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phone().question().await;
    world.clock.advance(seconds(1));
    let late = world.phone();
    let late = alice.pair(late).await;
    assert!(late.pending().await.is_empty());
    late.call(&Call::notification(question.notification_id)).await.problem(404, "NOTIFICATION_NOT_FOUND");
    let watch = world.watch().await;
    let crafted = late.craft_approval(&question, None).said("deviceId", json!(late.device()));
    let answer = late.send(&crafted).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    watch.only_a_refusal("a late device").await;
    shop.poll(&asked).await.refused(400, "authorization_pending");

    // For the next question it counts.
    world.clock.advance(seconds(120));
    let asked = shop.ask(&alice).await;
    alice.phones[1].approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn on_a_shared_phone_each_answers_for_themselves() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let (mut alice, bob) = (world.user("alice").with_phone().await, world.user("bob").await);
    let mut phone = alice.phones.remove(0);
    phone.pair(&bob.pairing_key().await).await;
    let (of_alice, of_bob) = (shop.ask(&alice).await, shop.ask(&bob).await);
    let pending = phone.pending().await;
    assert_eq!(pending.len(), 2);
    let question = |id: &str| pending.iter().find(|one| one.user_id.to_string() == id).unwrap();
    let for_alice = question(&alice.id.to_string());
    let for_bob = question(&bob.id.to_string());
    assert_eq!(for_alice.device_id, phone.device_of(alice.id));
    assert_eq!(for_bob.device_id, phone.device_of(bob.id));

    // Bob's trust does not answer alice's question, although it lives on the same phone.
    let crafted = phone
        .craft_approval(for_alice, None)
        .said("deviceId", json!(for_bob.device_id))
        .said("userId", json!(for_bob.user_id));
    let watch = world.watch().await;
    let answer = phone.send(&crafted).await;
    assert!([400, 403, 404].contains(&answer.status), "{}", answer.text());
    watch.only_a_refusal("the other person's device").await;

    phone.approve(for_bob).await.ok();
    shop.poll(&of_alice).await.refused(400, "authorization_pending");
    let (_, claims) = world.verified(&shop.poll(&of_bob).await.tokens().id_token).await;
    assert_eq!(claims["sub"], bob.id.to_string());
}

#[tokio::test]
async fn after_the_end_of_a_question_a_late_answer_is_told_why() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.ask(&alice).await;
    let phone = alice.phone();
    let question = phone.question().await;
    world.clock.advance(seconds(121));
    phone.approve(&question).await.problem(409, "EXPIRED");
    // Another question in between does not change what is told.
    shop.ask(&alice).await;
    phone.approve(&question).await.problem(409, "EXPIRED");
}

#[tokio::test]
async fn security_113_a_decision_is_kept_with_evidence_that_anybody_can_check() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.ask_with(&alice, &[("binding_message", "W4SCT")]).await;
    let phone = alice.phone();
    let question = phone.question().await;
    let crafted = phone.craft_approval(&question, None);
    let proof = phone.sign(&crafted);
    phone.send_with(&crafted, &proof).await.ok();

    let dump = world.dump().await;
    let decision = dump.lines().find(|line| line.starts_with("decision: ")).expect("a decision");
    assert!(decision.contains("outcome=approved"));
    assert!(decision.contains(&format!("evidence={proof}")), "the very bytes that the device signed");
    // Offline, with the key in the proof: who decided what, and which text was shown.
    let claims = UnverifiedProof::parse(&proof).unwrap().claims(|jwk, input, signature| {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point());
        key.verify(input, signature).is_ok()
    });
    let Statement::Approve(approval) = claims.unwrap().statement else { panic!("a yes") };
    assert_eq!(approval.user_id, question.user_id);
    let shown = question.shown().canonical_json();
    assert!(decision.contains(&format!("shown={shown}")), "{decision}");
    let hash = crate::world::b64(ring::digest::digest(&ring::digest::SHA256, shown.as_bytes()).as_ref());
    assert_eq!(approval.context_hash.to_string(), hash);
}
