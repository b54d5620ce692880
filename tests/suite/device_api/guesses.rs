//! Nobody guesses pairing keys for long [security.md 5.6, case 82].

use nod_device::PairingKey;
use nod_device::proof::DEVICE_PROOF;
use serde_json::json;

use crate::world::{Answer, Phone, World, limited, seconds};

/// One of those that nobody has.
fn wrong(n: u32) -> PairingKey {
    PairingKey::parse(&format!("{n:012}")).unwrap()
}

/// Behind a proxy of ours, which says where the phone is.
async fn pair_from(phone: &Phone, key: &PairingKey, address: &str) -> Answer {
    phone.warm().await;
    let crafted = phone.craft(&Phone::pairing_call(key));
    let request = phone.unproved(&crafted).header(DEVICE_PROOF, phone.sign(&crafted));
    Answer::of(request.header("x-forwarded-for", address)).await
}

#[tokio::test]
async fn t19_4_keys_are_not_guessed() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let mut phone = world.phone();
    for n in 0..10 {
        if n == 5 {
            let refused = phone.pair(&wrong(n)).await;
            refused.problem(429, "TOO_MANY_ATTEMPTS");
            assert_eq!(refused.retry_after(), 60);
            world.clock.advance(seconds(60));
        }
        phone.pair(&wrong(n)).await.problem(400, "PAIRING_KEY_INVALID");
    }
    world.clock.advance(seconds(60));
    let right = alice.pairing_key().await;
    let watch = world.watch().await;
    let before = limited("pairing");
    let refused = phone.pair(&right).await;
    refused.problem(429, "TOO_MANY_ATTEMPTS");
    assert!(limited("pairing") > before, "whoever watches the limit sees it");
    assert_eq!(refused.retry_after(), 900 - 120);
    watch.only_a_refusal("a guess too many").await;
    // Nobody can lock a person out for good by guessing.
    world.clock.advance(seconds(901));
    assert_eq!(phone.pair(&alice.pairing_key().await).await.status, 201);
}

#[tokio::test]
async fn t19_4_new_keys_do_not_give_new_guesses_for_ever() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for n in 0..20 {
        let expected = if n < 10 { 400 } else { 429 };
        assert_eq!(world.phone().pair(&wrong(n)).await.status, expected, "guess {n}");
    }
    world.clock.advance(seconds(901));
    assert_eq!(world.phone().pair(&alice.pairing_key().await).await.status, 201);
}

#[tokio::test]
async fn security_82_after_ten_wrong_keys_a_right_one_is_not_looked_at() {
    let proxies = |edge: &mut nod::http::server::Edge| {
        edge.proxies = nod::http::remote::TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    };
    let world = World::with().edge(proxies).start().await;
    let alice = world.user("alice").await;
    let right = alice.pairing_key().await;
    // An installation that moves from network to network.
    let guesser = world.phone();
    for n in 0..20 {
        if n == 5 {
            world.clock.advance(seconds(60));
        }
        let answer = pair_from(&guesser, &wrong(n), &format!("198.51.100.{n}")).await;
        assert_eq!(answer.status, if n < 10 { 400 } else { 429 }, "guess {n}");
    }
    pair_from(&guesser, &right, "198.51.100.200").await.problem(429, "TOO_MANY_ATTEMPTS");
    // Networks with as many installations as they like.
    for network in 1..4 {
        for n in 0..20 {
            let answer = pair_from(&world.phone(), &wrong(100 * network + n), &format!("203.0.113.{network}")).await;
            assert_eq!(answer.status, if n < 10 { 400 } else { 429 }, "network {network}, guess {n}");
        }
    }
    let honest = world.phone();
    for _ in 0..11 {
        pair_from(&honest, &right, "203.0.113.1").await.problem(429, "TOO_MANY_ATTEMPTS");
    }
    // Nobody else's way is closed: not that of the key, nor that of a phone that was in such a network.
    assert_eq!(pair_from(&honest, &right, "192.0.2.1").await.status, 201);
}

#[tokio::test]
async fn security_82_of_many_guesses_at_once_five_are_looked_at() {
    let world = World::start().await;
    let phone = world.phone();
    phone.warm().await;
    let calls: Vec<_> = (0..30).map(|n| Phone::pairing_call(&wrong(n))).collect();
    let answers = futures_util::future::join_all(calls.iter().map(|call| phone.call(call))).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(400), of(429)), (5, 25));
}

#[tokio::test]
async fn security_5_6_right_keys_are_not_counted() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let mut phone = world.phone();
    phone.warm().await;
    for n in 0..12 {
        let person = world.user(&format!("person-{n}")).await;
        assert_eq!(phone.pair(&person.pairing_key().await).await.status, 201, "person {n}");
    }
    // Nor is what was compared with none.
    let key = alice.pairing_key().await;
    for _ in 0..12 {
        let long = |body: &mut serde_json::Value| body["installation"]["name"] = json!("x".repeat(65));
        let crafted = phone.craft(&Phone::pairing_call(&key)).with_body(long);
        phone.send(&crafted).await.problem(400, "INVALID_REQUEST");
    }
    for n in 0..4 {
        phone.pair(&wrong(n)).await.problem(400, "PAIRING_KEY_INVALID");
    }
    assert_eq!(phone.pair(&key).await.status, 201);
    phone.pair(&wrong(4)).await.problem(400, "PAIRING_KEY_INVALID");
    phone.pair(&wrong(5)).await.problem(429, "TOO_MANY_ATTEMPTS");
}

/// As it comes when an answer was lost on the way.
#[tokio::test]
async fn security_5_6_what_is_sent_again_is_no_guess() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let phone = world.phone();
    phone.warm().await;
    let crafted = phone.craft(&Phone::pairing_call(&alice.pairing_key().await));
    let proof = phone.sign(&crafted);
    assert_eq!(phone.send_with(&crafted, &proof).await.status, 201);
    for _ in 0..12 {
        phone.send_with(&crafted, &proof).await.problem(401, "PROOF_REPLAYED");
    }
    // Nor is it one by which the others grow more.
    for n in 0..6 {
        let answer = phone.call(&Phone::pairing_call(&wrong(n))).await;
        assert_eq!(answer.status, if n < 5 { 400 } else { 429 }, "guess {n}");
    }
}
