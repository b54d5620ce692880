//! Devices: pairing keys, phones, and who has them.

use std::sync::Arc;
use std::time::Duration;

use nod::domain::audit::Action;
use nod::domain::device::{Device, Status};
use nod::domain::user::{self, User};
use nod::protocol::id::UserId;
use nod::secret::Digest;
use nod::store::sql::devices::{Claimed, KeyCreated};
use nod::store::sql::first_phone::Came;
use tokio::task::JoinSet;

use super::stage::{Stage, later, now, paired, until};

on_every_engine! {
    a_pairing_key_makes_one_device
    a_pairing_key_ends_by_time_and_with_its_user
    a_pairing_key_says_the_same_again_to_the_phone_that_has_used_it
    a_pairing_key_of_a_sign_in_is_for_the_first_device
    a_user_has_few_live_pairing_keys
    a_user_has_few_devices
    the_first_device_is_primary_and_the_next_follows_it
    one_phone_can_be_the_device_of_two_people
    a_phone_that_pairs_again_stays_the_same_device
    a_blocked_device_does_not_come_back_by_pairing
    a_rotated_key_is_adopted_with_its_first_use
}

async fn a_pairing_key_makes_one_device(stage: Stage) {
    let alice = stage.user("alice").await;
    let stage = Arc::new(stage);
    let key = stage.pairing_key(&alice).await;
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let stage = stage.clone();
        tasks.spawn(async move { stage.claim(n, key, &format!("jkt{n}"), 10).await });
    }
    let claimed = tasks.join_all().await;
    assert_eq!(claimed.iter().filter(|claimed| matches!(claimed, Claimed::Paired(_))).count(), 1);
    assert_eq!(claimed.iter().filter(|claimed| **claimed == Claimed::Invalid).count(), 15);
    assert_eq!(stage.count("SELECT COUNT(*) FROM device").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM installation").await, 1);
    assert_eq!(
        stage.count("SELECT COUNT(*) FROM audit WHERE action = 'device.paired' AND user_id IS NOT NULL").await,
        1
    );
    let devices = stage.nodes[0].directory.devices_of(&alice.id).await.unwrap();
    let (device, installation) = &devices[0];
    assert_eq!((device.status, device.position, device.paired_at), (Status::Active, 0, now()));
    assert_eq!(installation.about.platform.as_deref(), Some("android"));
}

async fn a_pairing_key_ends_by_time_and_with_its_user(stage: Stage) {
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert_eq!(stage.claim(0, Digest::of(b"unknown"), "jkt", 10).await, Claimed::Invalid);
    let ended = Digest::of(b"ended");
    let event = stage.event(Action::PairingKeyCreated);
    let earlier = now() - Duration::from_secs(600);
    here.devices.create_pairing_key(alice.id, &ended, earlier, now(), &event).await.unwrap();
    assert_eq!(stage.claim(0, ended, "jkt", 10).await, Claimed::Invalid);

    let key = stage.pairing_key(&alice).await;
    let set = |status| move |user: User| User { status, ..user };
    let event = stage.event(Action::UserUpdated);
    here.people.update(alice.id, &event, now(), set(user::Status::Locked)).await.unwrap();
    assert_eq!(stage.claim(0, key, "jkt", 10).await, Claimed::Invalid);
    here.people.update(alice.id, &event, now(), set(user::Status::Active)).await.unwrap();
    paired(stage.claim(0, key, "jkt", 10).await);
    assert_eq!(stage.claim(0, key, "another", 10).await, Claimed::Invalid);
}

/// On whichever node the phone comes again.
async fn a_pairing_key_says_the_same_again_to_the_phone_that_has_used_it(stage: Stage) {
    let alice = stage.user("alice").await;
    let key = stage.pairing_key(&alice).await;
    let pairing = paired(stage.claim(0, key, "jkt", 1).await);
    let counts = ["SELECT COUNT(*) FROM device", "SELECT COUNT(*) FROM audit"];
    let before = [stage.count(counts[0]).await, stage.count(counts[1]).await];
    let again = paired(stage.claim(1, key, "jkt", 1).await);
    assert_eq!((again.device, again.user.id), (pairing.device.clone(), alice.id));
    assert_eq!([stage.count(counts[0]).await, stage.count(counts[1]).await], before);
    let event = stage.event(Action::DeviceUnpaired);
    stage.nodes[0].devices.unpair(pairing.device.id, &event).await.unwrap();
    assert_eq!(stage.claim(1, key, "jkt", 1).await, Claimed::Invalid, "it pairs nobody twice");
}

/// On whichever node the phones come, and whoever looks.
async fn a_pairing_key_of_a_sign_in_is_for_the_first_device(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    let keys = [Digest::of(b"one"), Digest::of(b"other")];
    for key in &keys {
        let (of, event) = ((alice.id, None), stage.event(Action::PairingKeyCreated));
        let created = here.devices.create_key_in_flow(of, key, (now(), later(600)), &event).await;
        assert_eq!(created.unwrap(), KeyCreated::Yes);
        assert_eq!(there.devices.came(alice.id, key, now()).await.unwrap(), Came::NotYet);
    }
    let pairing = paired(stage.claim(1, keys[0], "jkt", 10).await);
    assert_eq!(paired(stage.claim(0, keys[0], "jkt", 10).await).device, pairing.device, "told so again");
    assert_eq!(stage.claim(0, keys[1], "another", 10).await, Claimed::Invalid);
    assert_eq!(stage.count("SELECT COUNT(*) FROM device").await, 1);
    assert_eq!(here.devices.came(alice.id, &keys[0], now()).await.unwrap(), Came::As(pairing.device.id));
    assert_eq!(here.devices.came(alice.id, &keys[1], later(599)).await.unwrap(), Came::NotYet);
    assert_eq!(here.devices.came(alice.id, &keys[1], later(600)).await.unwrap(), Came::Never);
    let bob = stage.user("bob").await;
    assert_eq!(here.devices.came(bob.id, &keys[0], now()).await.unwrap(), Came::Never);
    for key in &keys {
        here.devices.forget_key(key).await.unwrap();
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM pairing_key").await, 1, "the one that was used stays");
    // Nobody has this password any more.
    let (of, event) = ((bob.id, Some(now())), stage.event(Action::PairingKeyCreated));
    let created = here.devices.create_key_in_flow(of, &keys[1], (now(), later(600)), &event).await;
    assert_eq!(created.unwrap(), KeyCreated::UnknownUser);
}

/// All who come at once wait for one lock, and for one of a few connections: no more of them than get their turn within the
/// second that a node waits, on a busy machine too.
async fn a_user_has_few_live_pairing_keys(stage: Stage) {
    let alice = stage.user("alice").await.id;
    let create = |n: usize| {
        let (node, event, user) = (stage.node(n), stage.event(Action::PairingKeyCreated), alice);
        async move {
            let key = Digest::of(&n.to_be_bytes());
            node.devices.create_pairing_key(user, &key, now(), later(60), &event).await.unwrap()
        }
    };
    for n in 0..16 {
        assert_eq!(create(n).await, KeyCreated::Yes);
    }
    let mut tasks = JoinSet::new();
    for n in 16..24 {
        tasks.spawn(create(n));
    }
    let created = tasks.join_all().await;
    assert_eq!(created.iter().filter(|created| **created == KeyCreated::Yes).count(), 4);
    let [here, _] = &stage.nodes;
    let event = stage.event(Action::PairingKeyCreated);
    // The others have ended by then.
    let created = here.devices.create_pairing_key(alice, &Digest::of(b"k"), later(60), later(90), &event).await;
    assert_eq!(created.unwrap(), KeyCreated::Yes);
    let nobody = UserId::new(stage.entropy.uuid());
    let created = here.devices.create_pairing_key(nobody, &Digest::of(b"l"), now(), later(60), &event).await;
    assert_eq!(created.unwrap(), KeyCreated::UnknownUser);
}

async fn a_user_has_few_devices(stage: Stage) {
    let alice = stage.user("alice").await;
    let stage = Arc::new(stage);
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (stage, key) = (stage.clone(), stage.pairing_key(&alice).await);
        tasks.spawn(async move { (key, stage.claim(n, key, &format!("jkt{n}"), 3).await) });
    }
    let claimed = tasks.join_all().await;
    assert_eq!(claimed.iter().filter(|(_, claimed)| matches!(claimed, Claimed::Paired(_))).count(), 3);
    let (left, _) = claimed.iter().find(|(_, claimed)| *claimed == Claimed::Full).unwrap();
    let devices = stage.nodes[0].directory.devices_of(&alice.id).await.unwrap();
    let positions: Vec<_> = devices.iter().map(|(device, _)| device.position).collect();
    assert_eq!(positions, [0, 1, 2]);
    assert_eq!(stage.count("SELECT COUNT(*) FROM installation").await, 3);
    // The key of a phone that found no room still works when there is room.
    stage.nodes[0].devices.unpair(devices[1].0.id, &stage.event(Action::DeviceUnpaired)).await.unwrap();
    paired(stage.claim(1, *left, "late", 3).await);
}

async fn the_first_device_is_primary_and_the_next_follows_it(stage: Stage) {
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    let (first, second) = (stage.pair(&alice, "first").await.device, stage.pair(&alice, "second").await.device);
    let third = stage.pair(&alice, "third").await.device;
    assert!(first.is_primary() && !second.is_primary() && !third.is_primary());
    let event = stage.event(Action::DeviceUnpaired);
    let unpaired = here.devices.unpair(first.id, &event).await.unwrap().unwrap();
    assert_eq!((unpaired.device, unpaired.promoted), (first.clone(), Some(second.id)));
    let devices = here.directory.devices_of(&alice.id).await.unwrap();
    let order: Vec<_> = devices.iter().map(|(device, _)| (device.id, device.is_primary())).collect();
    assert_eq!(order, [(second.id, true), (third.id, false)]);
    assert!(here.directory.installation_by_jkt("first").await.unwrap().is_none());
    assert_eq!(here.devices.unpair(first.id, &event).await.unwrap(), None);
    assert_eq!(here.devices.unpair(third.id, &event).await.unwrap().unwrap().promoted, None);
    let renamed = here.devices.rename(second.id, Some("my phone"), &event).await.unwrap().unwrap();
    assert_eq!(renamed.nickname.as_deref(), Some("my phone"));
}

async fn one_phone_can_be_the_device_of_two_people(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let (of_alice, of_bob) = (stage.pair(&alice, "phone").await, stage.pair(&bob, "phone").await);
    assert_eq!(of_alice.installation, of_bob.installation);
    assert_ne!(of_alice.device.id, of_bob.device.id);
    let found = here.directory.installation_by_jkt("phone").await.unwrap().unwrap();
    assert_eq!(found.devices.len(), 2);
    let event = stage.event(Action::DeviceUnpaired);
    here.devices.unpair(of_alice.device.id, &event).await.unwrap().unwrap();
    let found = here.directory.installation_by_jkt("phone").await.unwrap().unwrap();
    assert_eq!(found.devices, std::slice::from_ref(&of_bob.device));
    here.devices.unpair(of_bob.device.id, &event).await.unwrap().unwrap();
    assert!(here.directory.installation_by_jkt("phone").await.unwrap().is_none());
}

async fn a_phone_that_pairs_again_stays_the_same_device(stage: Stage) {
    let alice = stage.user("alice").await;
    let first = stage.pair(&alice, "phone").await.device;
    assert_eq!(stage.pair(&alice, "phone").await.device, first);
    assert_eq!(stage.nodes[0].directory.devices_of(&alice.id).await.unwrap().len(), 1);
}

async fn a_blocked_device_does_not_come_back_by_pairing(stage: Stage) {
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    let device = stage.pair(&alice, "phone").await.device;
    let event = stage.event(Action::DeviceBlocked);
    let blocked = here.devices.set_status(device.id, Status::Blocked, &event).await.unwrap().unwrap();
    assert_eq!(blocked, Device { status: Status::Blocked, ..device });
    let key = stage.pairing_key(&alice).await;
    assert_eq!(stage.claim(0, key, "phone", 10).await, Claimed::Invalid);
    let devices = here.directory.devices_of(&alice.id).await.unwrap();
    assert_eq!(devices[0].0.status, Status::Blocked);
}

async fn a_rotated_key_is_adopted_with_its_first_use(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let phone = stage.pair(&alice, "old").await.installation;
    stage.pair(&bob, "taken").await;
    let event = stage.event(Action::DeviceKeyRotated);
    assert!(!here.devices.announce_key(phone.id, "taken", "{}", &event).await.unwrap());
    assert!(here.devices.announce_key(phone.id, "new", "{\"new\":1}", &event).await.unwrap());
    for jkt in ["old", "new"] {
        let found = here.directory.installation_by_jkt(jkt).await.unwrap().unwrap();
        assert_eq!((found.installation.id, found.installation.next_jkt.as_deref()), (phone.id, Some("new")));
    }
    assert!(!here.devices.adopt_key(phone.id, "other", &event).await.unwrap());
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (node, event) = (stage.node(n), event.clone());
        tasks.spawn(async move { node.devices.adopt_key(phone.id, "new", &event).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|adopted| *adopted).count(), 1);
    until(async || there.directory.installation_by_jkt("old").await.unwrap().is_none()).await;
    let found = there.directory.installation_by_jkt("new").await.unwrap().unwrap();
    assert_eq!((found.installation.jkt.as_str(), found.installation.public_jwk.as_str()), ("new", "{\"new\":1}"));
    assert_eq!(found.installation.next_jkt, None);
}
