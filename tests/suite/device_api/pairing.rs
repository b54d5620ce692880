//! Trust by pairing key (F19), and its end.

use nod::domain::user::Status;
use nod_device::messages::{DeviceRole, DeviceStatus};
use nod_device::{Call, PairingKey, SoftwareKey};
use serde_json::{Value, json};

use crate::world::{Phone, World, seconds};

#[tokio::test]
async fn t19_1_a_phone_pairs_with_a_key_and_is_a_device_from_then_on() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let mut phone = world.phone();
    let watch = world.watch().await;
    let answer = phone.pair(&alice.pairing_key().await).await;

    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let json = answer.json();
    assert_eq!(json["user"], json!({"userId": alice.id.to_string(), "username": "alice", "name": "The real alice"}));
    let all = json!([
        {"type": "push", "status": "failed", "errorCode": "MissingDeviceToken"},
        {"type": "one_time_passcode", "status": "completed"},
    ]);
    assert_eq!(json["authenticators"], all);
    let actions: Vec<_> = watch.events().await.into_iter().map(|event| event.action).collect();
    assert_eq!(actions, ["pairing_key.created", "device.paired"]);

    let me = phone.me().await;
    assert_eq!(me.issuer.as_str(), world.issuer());
    assert_eq!(me.installation_id.to_string(), json["installationId"]);
    assert_eq!(me.time.millis(), world.now().millis());
    assert_eq!(me.users.len(), 1);
    assert_eq!(me.users[0].device_id.to_string(), json["deviceId"]);
    assert_eq!((me.users[0].role, me.users[0].status), (DeviceRole::Primary, DeviceStatus::Active));
}

#[tokio::test]
async fn t19_2_an_unknown_a_used_and_an_expired_key_are_the_same() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let used = alice.pairing_key().await;
    assert_eq!(world.phone().pair(&used).await.status, 201);
    let expired = alice.pairing_key().await;
    world.clock.advance(seconds(600));
    let unknown = PairingKey::parse("000000000000").unwrap();

    let mut answers = Vec::new();
    for key in [&used, &expired, &unknown] {
        let mut phone = world.phone();
        phone.warm().await;
        let watch = world.watch().await;
        let answer = phone.pair(key).await;
        answer.problem(400, "PAIRING_KEY_INVALID");
        watch.only_a_refusal("a bad key").await;
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn t19_2_a_key_pairs_one_phone_however_many_try_at_once() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let key = alice.pairing_key().await;
    let call = Phone::pairing_call(&key);
    let phones: Vec<Phone> = (0..6).map(|_| world.phone()).collect();
    let answers = futures_util::future::join_all(phones.iter().map(|phone| phone.call(&call))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(400, "PAIRING_KEY_INVALID");
    }
}

/// The answer was lost on its way: the phone is a device, and does not know it.
#[tokio::test]
async fn f19_a_phone_that_comes_again_with_its_key_is_answered_in_the_same_way() {
    let world = World::with().settings(|settings| settings.max_devices = 1).start().await;
    let alice = world.user("alice").await;
    let key = alice.pairing_key().await;
    let mut phone = world.phone();
    let once = phone.pair(&key).await;
    assert_eq!(once.status, 201);
    let watch = world.watch().await;
    let again = phone.pair(&key).await;
    assert_eq!((again.status, again.json()), (201, once.json()), "{}", again.text());
    assert!(watch.events().await.iter().all(|event| event.action != "device.paired"), "it was paired once");
    world.phone().pair(&key).await.problem(400, "PAIRING_KEY_INVALID");

    // As long as the person may sign in, the device is there, and the key would be good.
    alice.set_status(Status::Locked).await;
    phone.pair(&key).await.problem(400, "PAIRING_KEY_INVALID");
    alice.unlock().await;
    world.clock.advance(seconds(300));
    assert_eq!(phone.pair(&key).await.json(), once.json());
    world.clock.advance(seconds(300));
    phone.pair(&key).await.problem(400, "PAIRING_KEY_INVALID");
    let key = alice.pairing_key().await;
    assert_eq!(phone.pair(&key).await.json(), once.json(), "it stays the device that it is");
    phone.unpair_by_administrator().await;
    phone.pair(&key).await.problem(400, "PAIRING_KEY_INVALID");
    assert!(world.rows("device").await.is_empty(), "a used key makes no device");
}

#[tokio::test]
async fn t19_3_a_person_has_so_many_devices() {
    let world = World::with().settings(|settings| settings.max_devices = 2).start().await;
    let mut alice = world.user("alice").with_phone().with_phone().await;
    let key = alice.pairing_key().await;
    let mut third = world.phone();
    third.warm().await;
    let watch = world.watch().await;
    third.pair(&key).await.problem(409, "METHOD_LIMIT_REACHED");
    watch.only_a_refusal("a device too many").await;

    // The key was not spent: it works when there is room.
    alice.phones.remove(1).unpair_by_administrator().await;
    assert_eq!(third.pair(&key).await.status, 201);
}

#[tokio::test]
async fn t19_3_a_person_has_twenty_keys_at_most() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for _ in 0..20 {
        alice.pairing_key().await;
    }
    assert!(alice.new_pairing_key().await.is_none());
    world.clock.advance(seconds(600));
    assert!(alice.new_pairing_key().await.is_some());
}

#[tokio::test]
async fn f19_a_phone_says_what_it_is_within_bounds() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let key = alice.pairing_key().await;
    let phone = world.phone();
    phone.warm().await;
    let changes: [fn(&mut Value); 6] = [
        |body| body["installation"]["name"] = json!("x".repeat(65)),
        |body| body["installation"]["model"] = json!("two\nlines"),
        |body| body["installation"]["osVersion"] = json!("nul\u{0}"),
        |body| body["installation"] = json!(null),
        |body| body["pairingKey"] = json!("12345"),
        |body| body["pairingKey"] = json!(123_456_789_012_i64),
    ];
    for change in changes {
        let crafted = phone.craft(&Phone::pairing_call(&key)).with_body(change);
        let watch = world.watch().await;
        phone.send(&crafted).await.problem(400, "INVALID_REQUEST");
        watch.only_a_refusal("a bad description").await;
        world.clock.advance(seconds(15));
    }
    let mut phone = phone;
    assert_eq!(phone.pair(&key).await.status, 201, "the key was not spent");
}

#[tokio::test]
async fn f19_one_phone_serves_several_people() {
    let world = World::start().await;
    let (mut alice, bob) = (world.user("alice").with_phone().await, world.user("bob").await);
    let mut phone = alice.phones.remove(0);
    let installation = phone.installation();
    assert_eq!(phone.pair(&bob.pairing_key().await).await.status, 201);
    assert_eq!(phone.installation(), installation, "the same installation");
    let me = phone.me().await;
    let mut names: Vec<_> = me.users.iter().map(|user| user.username.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["alice", "bob"]);
    assert_ne!(me.users[0].device_id, me.users[1].device_id);

    // The same person again is the same device, or none: there is one trust for each person.
    phone.pair(&bob.pairing_key().await).await;
    assert_eq!(phone.me().await.users.len(), 2);
}

#[tokio::test]
async fn an_app_gives_its_own_device_up() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let bob = world.user("bob").with_phone().await;
    let phone = alice.phone();

    let watch = world.watch().await;
    phone.call(&Call::unpair(bob.phone().device())).await.problem(404, "DEVICE_NOT_FOUND");
    watch.only_a_refusal("a foreign device").await;

    let answer = phone.call(&Call::unpair(phone.device())).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(answer.header("device-nonce").is_some());
    phone.call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");
    phone.call(&Call::pending()).await.problem(401, "DEVICE_UNKNOWN");
    let asked = shop.ask(&alice).await;
    shop.poll(&asked).await.refused(400, "access_denied");
    // Bob is still there.
    bob.phone().me().await;
}

#[tokio::test]
async fn on_a_shared_phone_one_person_goes_and_the_other_stays() {
    let world = World::start().await;
    let (mut alice, bob) = (world.user("alice").with_phone().await, world.user("bob").await);
    let mut phone = alice.phones.remove(0);
    phone.pair(&bob.pairing_key().await).await;
    let of_alice = phone.device_of(alice.id);
    assert_eq!(phone.call(&Call::unpair(of_alice)).await.status, 204);
    let me = phone.me().await;
    assert_eq!(me.users.len(), 1);
    assert_eq!(me.users[0].username, "bob");
    phone.call(&Call::unpair(of_alice)).await.problem(404, "DEVICE_NOT_FOUND");
}

#[tokio::test]
async fn when_the_primary_device_goes_the_next_one_takes_its_place() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().with_phone().await;
    let role = async |phone: &Phone| phone.me().await.users[0].role;
    assert_eq!(role(&alice.phones[0]).await, DeviceRole::Primary);
    assert_eq!(role(&alice.phones[1]).await, DeviceRole::Trusted);
    alice.phones[0].call(&Call::unpair(alice.phones[0].device())).await;
    assert_eq!(role(&alice.phones[1]).await, DeviceRole::Primary);
}

#[tokio::test]
async fn rotation_keeps_the_old_key_until_the_new_one_is_used() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let old = alice.phone();
    let key = SoftwareKey::generate().unwrap();
    let call = old.rotation(&key);
    let new = old.with_key(key);
    new.call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");

    let answer = old.call(&call).await.ok();
    assert_eq!(answer, json!({"installationId": old.installation().to_string()}));
    old.me().await;
    let asked = shop.ask(&alice).await;
    let question = old.question().await;

    // The first use of the new key is the end of the old one.
    assert_eq!(new.me().await.installation_id, old.installation());
    old.call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");
    old.approve(&question).await.problem(401, "DEVICE_UNKNOWN");
    new.approve(&question).await.ok();
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn rotation_needs_both_keys_to_agree() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").with_phone().await);
    let (phone, other) = (alice.phone(), bob.phone());
    phone.warm().await;
    other.warm().await;
    let (key, another) = (SoftwareKey::generate().unwrap(), SoftwareKey::generate().unwrap());

    let of_another = phone.craft(&phone.rotation(&another)).body.unwrap();
    let of_another: Value = serde_json::from_slice(&of_another).unwrap();
    let for_other = other.craft(&other.rotation(&key)).body.unwrap();
    let for_other: Value = serde_json::from_slice(&for_other).unwrap();
    let good = phone.craft(&phone.rotation(&key));
    let spoiled = [
        // A proof by another key than the one that is announced.
        good.clone().with_body(|body| body["proofByNew"] = of_another["proofByNew"].clone()),
        // For another installation.
        good.clone().with_body(|body| body["proofByNew"] = for_other["proofByNew"].clone()),
        // A proof of something else.
        good.clone().with_body(|body| body["proofByNew"] = json!(phone.sign(&phone.craft(&Call::me())))),
        good.clone().with_body(|body| body["proofByNew"] = json!("a.b.c")),
    ];
    for crafted in spoiled {
        let watch = world.watch().await;
        phone.send(&phone_fresh(phone, crafted)).await.problem(401, "PROOF_INVALID");
        watch.only_a_refusal("a bad rotation").await;
    }
    // Without the old key there is nothing to begin with.
    phone.with_key(key).call(&phone.rotation(&another)).await.problem(401, "DEVICE_UNKNOWN");
    phone.me().await;
}

/// A `jti` of its own.
fn phone_fresh(phone: &Phone, crafted: crate::world::Crafted) -> crate::world::Crafted {
    let fresh = phone.craft(&Call::me());
    crafted.claim("jti", fresh.claims["jti"].clone())
}

#[tokio::test]
async fn reliability_i12_a_stopped_person_gets_no_new_device() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let key = alice.pairing_key().await;
    let mut phone = world.phone();
    phone.warm().await;
    for status in [Status::Locked, Status::Disabled] {
        alice.set_status(status).await;
        let watch = world.watch().await;
        phone.pair(&key).await.problem(400, "PAIRING_KEY_INVALID");
        watch.only_a_refusal("a device for a stopped person").await;
    }
    alice.unlock().await;
    assert_eq!(phone.pair(&key).await.status, 201, "the key was not spent");
}

#[tokio::test]
async fn t19_3_a_race_for_the_last_place_has_one_winner() {
    let world = World::with().settings(|settings| settings.max_devices = 1).start().await;
    let alice = world.user("alice").await;
    let (one, two) = (world.phone(), world.phone());
    let (key_one, key_two) = (alice.pairing_key().await, alice.pairing_key().await);
    let (call_one, call_two) = (Phone::pairing_call(&key_one), Phone::pairing_call(&key_two));
    let (one, two) = futures_util::future::join(one.call(&call_one), two.call(&call_two)).await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.text(), two.text());
}

#[tokio::test]
async fn a_phone_that_left_may_come_back() {
    let world = World::start().await;
    let (shop, mut alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let mut phone = alice.phones.remove(0);
    assert_eq!(phone.call(&Call::unpair(phone.device())).await.status, 204);
    let gone = phone.installation();
    assert_eq!(phone.pair(&alice.pairing_key().await).await.status, 201);
    assert_ne!(phone.installation(), gone);
    assert_eq!(phone.me().await.users.len(), 1);
    let asked = shop.ask(&alice).await;
    phone.approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn a_blocked_device_is_not_unblocked_by_pairing_it_again() {
    let world = World::start().await;
    let (shop, mut alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let mut phone = alice.phones.remove(0);
    phone.block().await;
    let answer = phone.pair(&alice.pairing_key().await).await;
    if answer.status == 201 {
        // Then it is a device like any other, and the administrator sees it as one.
        assert_eq!(phone.me().await.users.len(), 1);
        assert_eq!(phone.me().await.users[0].status, DeviceStatus::Blocked, "{}", answer.text());
    }
    let asked = shop.ask(&alice).await;
    assert!(phone.pending().await.is_empty());
    alice.phones[0].approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn of_two_announced_keys_the_later_one_counts() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let phone = alice.phone();
    let (first, second) = (SoftwareKey::generate().unwrap(), SoftwareKey::generate().unwrap());
    phone.call(&phone.rotation(&first)).await.ok();
    phone.call(&phone.rotation(&second)).await.ok();
    phone.with_key(first).call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");
    phone.me().await;
    phone.with_key(second).me().await;
    phone.call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");
}

#[tokio::test]
async fn rotation_to_a_key_of_another_installation_is_refused() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").with_phone().await);
    let (of_alice, of_bob) = (alice.phone(), bob.phone());
    of_alice.warm().await;
    // Bob's own key agrees, so bob is in it; still there is one installation for each key.
    let call = of_alice.rotation(of_bob.key());
    let watch = world.watch().await;
    of_alice.call(&call).await.problem(401, "PROOF_INVALID");
    watch.only_a_refusal("a key of another installation").await;
    of_alice.me().await;
    assert_eq!(of_bob.me().await.users[0].username, "bob");
}

#[tokio::test]
async fn an_announced_key_that_pairs_first_belongs_to_its_installation() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").await);
    let old = alice.phone();
    let key = SoftwareKey::generate().unwrap();
    old.call(&old.rotation(&key)).await.ok();
    let mut new = old.with_key(key);
    let installation = old.installation();
    assert_eq!(new.pair(&bob.pairing_key().await).await.status, 201);
    let me = new.me().await;
    assert_eq!(me.installation_id, installation);
    assert_eq!(me.users.len(), 2, "{:?}", me.users);
}

#[tokio::test]
async fn a_key_pairs_one_installation_however_often_it_is_sent() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    // One phone, two people, at the same time.
    let phone = world.phone();
    let (for_alice, for_bob) = (alice.pairing_key().await, bob.pairing_key().await);
    let (call_one, call_two) = (Phone::pairing_call(&for_alice), Phone::pairing_call(&for_bob));
    phone.warm().await;
    let (one, two) = futures_util::future::join(phone.call(&call_one), phone.call(&call_two)).await;
    assert_eq!((one.status, two.status), (201, 201), "{} {}", one.text(), two.text());
    assert_eq!(one.json()["installationId"], two.json()["installationId"]);
    assert_eq!(phone.me().await.users.len(), 2);
}
