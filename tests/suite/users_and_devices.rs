//! People, devices and clients change between the steps of a flow. What was true at one step is
//! looked at again at the next [reliability I12].

use std::time::Instant;

use nod::domain::device::Status as DeviceStatus;
use nod::domain::user::Status;
use nod_device::{Call, DenyReason};
use serde_json::json;

use crate::world::{BC_AUTHORIZE, World, seconds};

#[tokio::test]
async fn t12_10_a_person_without_a_device_is_denied_and_the_client_learns_no_more() {
    let world = World::with().generous().start().await;
    let shop = world.client("shop").await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").with_phone().await);
    let watch = world.watch().await;
    let asked = shop.ask(&alice).await;
    let events = watch.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].action.as_str(), events[0].reason.as_deref()), ("request.created", Some("no_device")));
    let denied = shop.poll(&asked).await;
    denied.refused(400, "access_denied");

    let said_no = shop.ask(&bob).await;
    bob.phone().deny_the_question().await;
    assert_eq!(shop.poll(&said_no).await.body, denied.body, "the same words as for a no");
    let members = |json: &serde_json::Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&asked.json), members(&said_no.json));
}

#[tokio::test]
async fn t12_11_when_the_primary_device_is_off_the_next_one_is_asked() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    alice.phones[0].block().await;
    let asked = shop.ask(&alice).await;
    alice.phones[1].approve_the_question().await;
    shop.poll(&asked).await.tokens();

    alice.phones[1].block().await;
    let asked = shop.ask(&alice).await;
    shop.poll(&asked).await.refused(400, "access_denied");

    alice.phones[0].set_status(DeviceStatus::Active).await;
    let asked = shop.ask(&alice).await;
    alice.phones[0].approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn t12_16_a_locked_person_is_not_asked() {
    let strict = World::start().await;
    let (shop, alice) = (strict.client("shop").await, strict.user("alice").with_phone().await);
    for status in [Status::Locked, Status::Disabled] {
        alice.set_status(status).await;
        let watch = strict.watch().await;
        // [CIBA §13] 403 here, and 400 at the token endpoint.
        let answer = shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await;
        answer.refused(403, "access_denied");
        watch.only_a_refusal("a question to a locked person").await;
        assert!(alice.phone().pending().await.is_empty());
    }

    let uniform = World::with().settings(|settings| settings.policy.uniform = true).start().await;
    let (shop, alice) = (uniform.client("shop").await, uniform.user("alice").with_phone().await);
    alice.lock().await;
    let asked = shop.ask(&alice).await;
    assert!(alice.phone().pending().await.is_empty());
    shop.poll(&asked).await.refused(400, "authorization_pending");
}

#[tokio::test]
async fn cve_2026_9798_a_person_locked_after_the_question_answers_nothing() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let phone = alice.phone();
    let question = phone.question().await;
    for status in [Status::Locked, Status::Disabled] {
        alice.set_status(status).await;
        let watch = world.watch().await;
        let answer = phone.approve(&question).await;
        assert!([403, 404].contains(&answer.status), "{}", answer.text());
        watch.only_a_refusal("an answer of a locked person").await;
        assert!(phone.pending().await.is_empty());
        shop.poll(&asked).await;
        world.clock.advance(seconds(10));
    }
    alice.unlock().await;
    phone.approve(&question).await.ok();
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn cve_2026_16103_a_person_locked_after_the_yes_gets_no_tokens() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for status in [Status::Locked, Status::Disabled] {
        let asked = shop.ask(&alice).await;
        alice.phone().approve_the_question().await;
        alice.set_status(status).await;
        for _ in 0..2 {
            let watch = world.watch().await;
            shop.poll(&asked).await.refused(400, "access_denied");
            let events = watch.events().await;
            assert_eq!(events.len(), 1, "{events:?}");
            assert_eq!(events[0].result, "refused");
        }
        // That was the last word: what the client was told does not depend on when it asks again.
        alice.unlock().await;
        world.clock.advance(seconds(1));
        shop.poll(&asked).await.refused(400, "access_denied");
        world.forgets(&asked.auth_req_id).await;
        shop.poll(&asked).await.refused(400, "access_denied");
        let dump = world.dump().await;
        assert!(!dump.contains("access_token: ") && !dump.contains("refresh_token: "), "nothing was given");
        world.clock.advance(seconds(600));
    }
}

#[tokio::test]
async fn security_94_a_device_that_was_blocked_after_its_yes_gives_no_tokens() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let asked = shop.ask(&alice).await;
    alice.phones[0].approve_the_question().await;
    alice.phones[0].block().await;
    shop.poll(&asked).await.refused(400, "access_denied");
    alice.phones[0].set_status(DeviceStatus::Active).await;
    world.clock.advance(seconds(1));
    shop.poll(&asked).await.refused(400, "access_denied");

    let asked = shop.ask(&alice).await;
    alice.phones[1].approve_the_question().await;
    let phone = &alice.phones[1];
    assert_eq!(phone.call(&Call::unpair(phone.device())).await.status, 204);
    shop.poll(&asked).await.refused(400, "access_denied");
}

#[tokio::test]
async fn a_device_unpaired_after_the_question_leaves_it_to_the_others() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phones[0].question().await;
    alice.phones[0].unpair_by_administrator().await;
    let watch = world.watch().await;
    alice.phones[0].approve(&question).await.problem(401, "DEVICE_UNKNOWN");
    watch.only_a_refusal("an unpaired device").await;
    alice.phones[1].approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn a_phone_that_paired_again_is_a_new_device() {
    let world = World::start().await;
    let (shop, mut alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phone().question().await;
    let mut phone = alice.phones.remove(0);
    phone.unpair_by_administrator().await;
    world.clock.advance(seconds(1));
    let key = alice.pairing_key().await;
    assert_eq!(phone.pair(&key).await.status, 201);
    // The question was put to the trust that ended.
    let answer = phone.approve(&question).await;
    assert!([400, 403, 404].contains(&answer.status), "{}", answer.text());
    shop.poll(&asked).await.refused(400, "authorization_pending");
}

#[tokio::test]
async fn security_10_a_disabled_client_can_do_nothing() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.disable().await;
    let watch = world.watch().await;
    let fields = [("login_hint", "alice"), ("scope", "openid")];
    shop.post(BC_AUTHORIZE, &fields).await.refused(401, "invalid_client");
    watch.only_a_refusal("a disabled client").await;
    assert!(alice.phone().pending().await.is_empty());
}

#[tokio::test]
async fn a_client_disabled_after_the_question_gets_no_answer() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let phone = alice.phone();
    let question = phone.question().await;
    shop.disable().await;
    assert!(phone.pending().await.is_empty(), "nobody is asked in the name of a stopped client");
    let watch = world.watch().await;
    let answer = phone.approve(&question).await;
    assert!([404, 409].contains(&answer.status), "{}", answer.text());
    watch.only_a_refusal("an answer to a stopped client").await;
    shop.poll(&asked).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_client_disabled_after_the_yes_gets_no_tokens() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    shop.disable().await;
    let watch = world.watch().await;
    shop.poll(&asked).await.refused(401, "invalid_client");
    watch.only_a_refusal("a redemption by a stopped client").await;
    shop.update(|client| client.disabled = false).await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn a_deleted_person_leaves_no_way_on() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let bob = world.user("bob").with_phone().await;
    let (of_alice, of_bob) = (shop.ask(&alice).await, shop.ask(&bob).await);
    alice.phone().approve_the_question().await;
    alice.delete().await;
    shop.poll(&of_alice).await.refused(400, "access_denied");
    alice.phone().call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");
    bob.phone().approve_the_question().await;
    shop.poll(&of_bob).await.tokens();
}

#[tokio::test]
async fn a_renamed_person_is_asked_by_the_new_name() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let hint = shop.log_in(&alice).await.id_token;
    alice.rename("alice-2").await;
    let by_name = |name: &'static str| [("login_hint", name), ("scope", "openid")];
    shop.bc_authorize(&by_name("alice")).await.refused(400, "unknown_user_id");
    shop.bc_authorize(&by_name("alice-2")).await.ok();
    alice.phone().deny_the_question().await;
    // The ID token means the person, not the name.
    shop.bc_authorize(&[("id_token_hint", &hint), ("scope", "openid")]).await.ok();
    assert_eq!(alice.phone().me().await.users[0].username, "alice-2");
}

#[tokio::test]
async fn security_94_what_one_node_knows_the_other_knows_within_a_second() {
    let world = World::with().nodes(2).start().await;
    let (shop, mut alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let other = shop.at(1);
    // Both nodes have seen everybody.
    let asked = other.ask(&alice).await;
    alice.phones[0].move_to(1);
    let question = alice.phone().question().await;

    alice.lock().await;
    let begin = Instant::now();
    loop {
        let pending = alice.phone().call(&Call::pending()).await;
        if pending.ok() == json!({"notifications": []}) {
            break;
        }
        assert!(begin.elapsed() < seconds(1), "the other node still believes in alice");
    }
    let refused = alice.phone().deny(&question, DenyReason::None).await;
    assert!([403, 404].contains(&refused.status), "{}", refused.text());
    alice.unlock().await;
    tokio::time::sleep(seconds(1)).await;
    alice.phone().approve(&question).await.ok();

    shop.disable().await;
    let begin = Instant::now();
    loop {
        let answer = other.poll_id("unknown").await;
        if answer.status == 401 {
            break;
        }
        assert!(begin.elapsed() < seconds(1), "the other node still believes in the shop");
    }
    other.poll(&asked).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn security_5_7_who_reports_fraud_is_locked_until_an_administrator_has_looked() {
    let world = World::with().generous().nodes(2).start().await;
    let (shop, bank) = (world.client("shop").refresh().await, world.client("bank").await);
    let alice = world.user("alice").with_phone().with_phone().await;
    let bob = world.user("bob").with_phone().await;
    let tokens = shop.log_in(&alice).await;
    let approved = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    let open = shop.ask(&alice).await;
    let question = alice.phones[1].question().await;

    let reported = bank.ask(&alice).await;
    let watch = world.watch().await;
    let mut pending = alice.phone().pending().await;
    pending.retain(|one| one.client_context.client_id == "bank");
    let answer = alice.phone().deny(&pending[0], DenyReason::ReportFraud).await;
    assert_eq!(answer.ok(), json!({"status": "DENIED"}));
    let events: Vec<_> = watch.events().await.into_iter().map(|event| event.action).collect();
    assert_eq!(events, ["request.reported", "user.locked"]);
    bank.poll(&reported).await.refused(400, "access_denied");

    // Nothing goes on for her, on whatever phone and with whatever client.
    bank.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await.refused(403, "access_denied");
    assert!(alice.phones[1].pending().await.is_empty());
    alice.phones[1].approve(&question).await.problem(404, "NOTIFICATION_NOT_FOUND");
    shop.poll(&approved).await.refused(400, "access_denied");
    shop.refresh(tokens.refresh_token.as_ref().unwrap()).await.refused(400, "invalid_grant");
    let begin = Instant::now();
    while shop.at(1).bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await.status != 403 {
        assert!(begin.elapsed() < seconds(1), "[reliability I12] on all nodes within a second");
    }
    // For others it does.
    shop.log_in(&bob).await;

    alice.unlock().await;
    alice.phones[1].approve(&question).await.ok();
    shop.poll(&open).await.tokens();
    shop.refresh(tokens.refresh_token.as_ref().unwrap()).await.tokens();
}

#[tokio::test]
async fn security_5_7_a_report_that_comes_second_locks_nobody() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phones[1].question().await;
    alice.phone().approve_the_question().await;
    let watch = world.watch().await;
    alice.phones[1].deny(&question, DenyReason::ReportFraud).await.problem(409, "ALREADY_DECIDED");
    watch.only_a_refusal("a late report").await;
    shop.poll(&asked).await.tokens();
}
