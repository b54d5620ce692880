//! Every call carries a proof of possession, made for just this call (security 91).

use nod_device::{BodyDigest, Call, DenyReason, DeviceKey as _, SoftwareKey};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Crafted, Jwk, Person, Phone, World, b64, compact, seconds};

struct Scene {
    world: World,
    alice: Person,
}

/// Alice has a phone and a question on it.
async fn scene() -> Scene {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.ask(&alice).await;
    alice.phone().warm().await;
    Scene { world, alice }
}

impl Scene {
    fn phone(&self) -> &Phone {
        self.alice.phone()
    }

    async fn approval(&self) -> Crafted {
        self.phone().craft_approval(&self.phone().question().await, None)
    }

    /// Refused with this, changing nothing and leaving one event.
    async fn refuses(&self, crafted: &Crafted, code: &str, what: &str) {
        let proof = self.phone().sign(crafted);
        self.refuses_proof(crafted, &proof, code, what).await;
    }

    async fn refuses_proof(&self, crafted: &Crafted, proof: &str, code: &str, what: &str) {
        let watch = self.world.watch().await;
        let answer = self.phone().send_with(crafted, proof).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some(code)), "{what}");
        answer.problem(401, code);
        watch.only_a_refusal(what).await;
    }

    /// After all attacks the person still answers.
    async fn still_works(&self) {
        self.phone().approve_the_question().await;
    }
}

/// All calls there are, as crafted by the phone.
async fn every_call(scene: &Scene) -> Vec<Crafted> {
    let phone = scene.phone();
    let question = phone.question().await;
    let key = scene.alice.pairing_key().await;
    vec![
        phone.craft(&Phone::pairing_call(&key)),
        phone.craft(&Call::pending()),
        phone.craft(&Call::notification(question.notification_id)),
        phone.craft(&Call::events()),
        phone.craft(&Call::me()),
        phone.craft_approval(&question, None),
        phone.craft_denial(&question),
        phone.craft(&phone.rotation(&SoftwareKey::generate().unwrap())),
        phone.craft(&Call::unpair(phone.device())),
    ]
}

#[tokio::test]
async fn security_91_without_a_proof_there_is_no_call() {
    let scene = scene().await;
    for crafted in every_call(&scene).await {
        let watch = scene.world.watch().await;
        Answer::of(scene.phone().unproved(&crafted)).await.problem(401, "PROOF_REQUIRED");
        watch.only_a_refusal(&crafted.path).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_the_first_call_is_told_a_nonce_and_works_with_it() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let phone = alice.phone().with_key(SoftwareKey::generate().unwrap());
    let crafted = phone.craft(&Call::me()).claim("nonce", Value::Null);
    let watch = world.watch().await;
    phone.send(&crafted).await.problem(401, "USE_DEVICE_NONCE");
    assert!(world.log().contains("nonce handed out"), "a handshake is no wait");
    watch.nothing("the question for a nonce").await;
}

#[tokio::test]
async fn security_91_a_proof_works_once() {
    let scene = scene().await;
    for crafted in every_call(&scene).await {
        let proof = scene.phone().sign(&crafted);
        if crafted.path.ends_with("/events") || crafted.path.ends_with("/me") {
            let first = scene.phone().unproved(&crafted).header("device-proof", &proof).send().await.unwrap();
            assert_eq!(first.status(), 200);
            scene.refuses_proof(&crafted, &proof, "PROOF_REPLAYED", &crafted.path).await;
            // For another call it does not help either.
            let other = Crafted { path: "/device/v1/notifications/pending".to_owned(), ..crafted };
            scene.refuses_proof(&other, &proof, "PROOF_INVALID", "a proof of another call").await;
        }
    }
    let approval = scene.approval().await;
    let proof = scene.phone().sign(&approval);
    scene.phone().send_with(&approval, &proof).await.ok();
    scene.refuses_proof(&approval, &proof, "PROOF_REPLAYED", "an approval once more").await;
}

#[tokio::test]
async fn security_91_a_proof_works_once_at_every_call() {
    let scene = scene().await;
    let phone = scene.phone();
    let bob = scene.world.user("bob").await;
    let key = bob.pairing_key().await;
    let question = phone.question().await;
    let rotation = phone.rotation(&SoftwareKey::generate().unwrap());
    for crafted in [
        phone.craft(&Call::pending()),
        phone.craft(&Call::notification(question.notification_id)),
        phone.craft(&rotation),
        phone.craft(&Phone::pairing_call(&key)),
        phone.craft_denial(&question),
    ] {
        let proof = phone.sign(&crafted);
        let first = phone.send_with(&crafted, &proof).await;
        assert!(first.status < 300, "{}: {}", crafted.path, first.text());
        scene.refuses_proof(&crafted, &proof, "PROOF_REPLAYED", &crafted.path).await;
    }
}

#[tokio::test]
async fn security_91_of_many_copies_of_a_proof_one_works() {
    let scene = scene().await;
    let approval = scene.approval().await;
    let proof = scene.phone().sign(&approval);
    let answers = futures_util::future::join_all((0..8).map(|_| scene.phone().send_with(&approval, &proof))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(401, "PROOF_REPLAYED");
    }
}

#[tokio::test]
async fn security_91_a_proof_is_for_its_own_body() {
    let scene = scene().await;
    let phone = scene.phone();
    let good = scene.approval().await;
    let other_body = Crafted { claims: good.claims.clone(), ..good.clone().with_body(|body| body["amr"] = json!([])) };
    scene.refuses(&other_body, "PROOF_INVALID", "another body").await;
    scene.refuses(&good.clone().claim("bd", Value::Null), "PROOF_INVALID", "no digest of the body").await;
    scene.refuses(&good.clone().claim("bd", json!(BodyDigest::of(b"x"))), "PROOF_INVALID", "another digest").await;
    let white = Crafted {
        body: good.body.clone().map(|mut body| {
            body.push(b' ');
            body
        }),
        ..good.clone()
    };
    scene.refuses(&white, "PROOF_INVALID", "one space more").await;
    let none = phone.craft(&Call::me()).claim("bd", json!(BodyDigest::of(b"")));
    scene.refuses(&none, "PROOF_INVALID", "a digest without a body").await;
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_a_proof_is_for_its_own_address_and_method() {
    let scene = scene().await;
    let phone = scene.phone();
    let issuer = scene.world.issuer();
    let me = phone.craft(&Call::me());
    for htu in [
        format!("{issuer}/device/v1/notifications/pending"),
        format!("{issuer}/device/v1/me/"),
        format!("{issuer}/device/v1/me?x=1"),
        format!("{issuer}/device/v1/ME"),
        "https://evil.example/device/v1/me".to_owned(),
        "/device/v1/me".to_owned(),
        String::new(),
        format!("{issuer}.evil.example/device/v1/me"),
    ] {
        scene.refuses(&me.clone().claim("htu", htu.clone()), "PROOF_INVALID", &htu).await;
    }
    for htm in ["POST", "DELETE", "get", "PATCH"] {
        scene.refuses(&me.clone().claim("htm", htm), "PROOF_INVALID", htm).await;
    }
    for aud in ["https://evil.example", "", &format!("{issuer}/")] {
        scene.refuses(&me.clone().claim("aud", aud), "PROOF_INVALID", aud).await;
    }
    scene.refuses(&me.clone().claim("aud", json!([issuer])), "PROOF_INVALID", "a list of audiences").await;

    // A proof for one question does not answer another.
    let good = scene.approval().await;
    let other = good.path.replace("/approve", "/deny");
    scene.refuses(&Crafted { path: other, ..good.clone() }, "PROOF_INVALID", "approve sent to deny").await;
    let id = good.claims["notificationId"].as_str().unwrap();
    let other = good.path.replace(id, "00000000-0000-4000-8000-000000000000");
    scene.refuses(&Crafted { path: other, ..good.clone() }, "PROOF_INVALID", "another question").await;
    // A query is no part of the address [RFC 9449 §4.2].
    let with_query = Crafted { path: format!("{}?a=b", me.path), ..phone.craft(&Call::me()) };
    assert_eq!(phone.send(&with_query).await.status, 200);
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_a_proof_made_for_one_purpose_serves_no_other() {
    let scene = scene().await;
    let purposes = ["pairing", "read", "approve", "deny", "rotate", "unpair", "enrollment", "claim", "", "READ"];
    for crafted in every_call(&scene).await {
        let own = crafted.claims["purpose"].as_str().unwrap().to_owned();
        for purpose in purposes.iter().filter(|purpose| **purpose != own) {
            let what = format!("{purpose} at {}", crafted.path);
            scene.refuses(&crafted.clone().claim("purpose", *purpose), "PROOF_INVALID", &what).await;
        }
        scene.refuses(&crafted.clone().claim("purpose", Value::Null), "PROOF_INVALID", &crafted.path).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_a_proof_is_new() {
    let scene = scene().await;
    let phone = scene.phone();
    let now = scene.world.now().seconds();
    for off in [61, 600, 86_400, -61, -600, -86_400] {
        let crafted = phone.craft(&Call::me()).claim("iat", now + off);
        scene.refuses(&crafted, "PROOF_EXPIRED", &format!("{off} s")).await;
    }
    for off in [-60, -30, 0, 30, 60] {
        let crafted = phone.craft(&Call::me()).claim("iat", now + off);
        assert_eq!(phone.send(&crafted).await.status, 200, "{off} s");
    }
    for iat in [json!("now"), json!(1.5), json!(null), json!(i64::MAX), json!(1e300)] {
        let crafted = phone.craft(&Call::me()).claim("iat", iat.clone());
        let answer = phone.send(&crafted).await;
        assert_eq!(answer.status, 401, "{iat}");
    }
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_a_replay_is_seen_as_long_as_the_proof_is_fresh() {
    let scene = scene().await;
    let phone = scene.phone();
    // From a clock that is a minute fast: fresh for two minutes.
    let crafted = phone.craft(&Call::me()).claim("iat", scene.world.now().seconds() + 60);
    let proof = phone.sign(&crafted);
    phone.send_with(&crafted, &proof).await.ok();
    for _ in 0..4 {
        scene.world.clock.advance(seconds(30));
        scene.refuses_proof(&crafted, &proof, "PROOF_REPLAYED", "within its freshness").await;
    }
    scene.world.clock.advance(seconds(1));
    scene.refuses_proof(&crafted, &proof, "PROOF_EXPIRED", "after it").await;
}

#[tokio::test]
async fn security_91_a_nonce_is_the_servers_and_not_old() {
    let scene = scene().await;
    let phone = scene.phone();
    let own = phone.craft(&Call::me()).claims["nonce"].as_str().unwrap().to_owned();
    for nonce in ["", "x", &own[1..], &format!("{own}x"), &own.to_lowercase(), "AAAAAAAAAAAAAAAAAAAAAA"] {
        let crafted = phone.craft(&Call::me()).claim("nonce", nonce);
        let watch = scene.world.watch().await;
        phone.send(&crafted).await.problem(401, "USE_DEVICE_NONCE");
        watch.nothing("the question for a nonce").await;
    }
    // A foreign server's.
    let other = World::with().settings(|settings| settings.master_key = nod::secret::Secret::new([8; 32]));
    let other = other.backing(crate::world::Backing::Postgres).start().await;
    let foreign = other.get("/device/v1/me").await.header("device-nonce").unwrap().to_owned();
    assert_ne!(foreign, own);
    let crafted = phone.craft(&Call::me()).claim("nonce", foreign);
    phone.send(&crafted).await.problem(401, "USE_DEVICE_NONCE");

    // It lasts for minutes, and the SDK never notices its end.
    scene.world.clock.advance(seconds(601));
    let crafted = phone.craft(&Call::me()).claim("nonce", own);
    phone.send(&crafted).await.problem(401, "USE_DEVICE_NONCE");
    phone.me().await;
}

#[tokio::test]
async fn security_91_only_es256_by_the_key_in_the_header() {
    let scene = scene().await;
    let phone = scene.phone();
    let me = phone.craft(&Call::me());
    for alg in ["none", "None", "HS256", "ES384", "RS256", "EdDSA", ""] {
        scene.refuses(&me.clone().head("alg", alg), "PROOF_INVALID", alg).await;
    }
    for typ in ["JWT", "dpop+jwt", "nod-proof", "at+jwt", ""] {
        scene.refuses(&me.clone().head("typ", typ), "PROOF_INVALID", typ).await;
    }
    let unsigned =
        compact(&json!({"typ": "nod-proof+jwt", "alg": "none", "jwk": me.header["jwk"]}), &me.claims, |_| Vec::new());
    scene.refuses_proof(&me, &unsigned, "PROOF_INVALID", "no signature").await;
    let zeroes = compact(&me.header, &me.claims, |_| vec![0; 64]);
    scene.refuses_proof(&me, &zeroes, "PROOF_INVALID", "r = s = 0").await;
    // HMAC with the public key as the secret.
    let public = me.header["jwk"].to_string();
    let hmac =
        compact(&json!({"typ": "nod-proof+jwt", "alg": "HS256", "jwk": me.header["jwk"]}), &me.claims, |input| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
            ring::hmac::sign(&key, input).as_ref().to_vec()
        });
    scene.refuses_proof(&me, &hmac, "PROOF_INVALID", "a public key as HMAC key").await;

    let stranger = SoftwareKey::generate().unwrap();
    // Another key signs, the header names alice's.
    let forged = compact(&me.header, &me.claims, |input| stranger.sign(input).unwrap().to_vec());
    scene.refuses_proof(&me, &forged, "PROOF_INVALID", "signed by another key").await;
    // Another key signs and says so: it proves nothing but itself.
    let named = me.clone().head("jwk", json!(stranger.public_jwk()));
    let named = compact(&named.header, &me.claims, |input| stranger.sign(input).unwrap().to_vec());
    scene.refuses_proof(&me, &named, "DEVICE_UNKNOWN", "a key of nobody").await;

    for (member, value) in [
        ("kid", json!("x")),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        scene.refuses(&me.clone().head(member, value), "PROOF_INVALID", member).await;
    }
    let private = {
        let mut jwk = me.header["jwk"].clone();
        jwk["d"] = json!(b64(&[1; 32]));
        me.clone().head("jwk", jwk)
    };
    scene.refuses(&private, "PROOF_INVALID", "a private key").await;
    let rsa = Jwk::rsa();
    let header = json!({"typ": "nod-proof+jwt", "alg": "ES256", "jwk": rsa.public()});
    scene.refuses_proof(&me, &rsa.jws(&header, &me.claims), "PROOF_INVALID", "an RSA key").await;
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_what_is_no_compact_jws_is_no_proof() {
    let scene = scene().await;
    let me = scene.phone().craft(&Call::me());
    let good = scene.phone().sign(&me);
    let parts: Vec<&str> = good.split('.').collect();
    for proof in [
        "x".to_owned(),
        "..".to_owned(),
        format!("{good}.{}", parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}="),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].to_uppercase()),
        format!("Bearer {good}"),
        format!("{}.{}.{}", parts[0], "A".repeat(9000), parts[2]),
    ] {
        scene.refuses_proof(&me, &proof, "PROOF_INVALID", &proof[..20.min(proof.len())]).await;
    }
    // Two proofs are none.
    let watch = scene.world.watch().await;
    let twice = scene.phone().unproved(&me).header("device-proof", &good).header("device-proof", &good);
    Answer::of(twice).await.problem(401, "PROOF_INVALID");
    watch.only_a_refusal("two proofs").await;
    scene.still_works().await;
}

#[tokio::test]
async fn security_91_a_proof_has_its_claims_and_no_others() {
    let scene = scene().await;
    let phone = scene.phone();
    let good = scene.approval().await;
    for name in ["iss", "decision", "deviceId", "userId", "notificationId", "contextHash", "amr", "jti", "aud", "htu"] {
        scene.refuses(&good.clone().claim(name, Value::Null), "PROOF_INVALID", &format!("without {name}")).await;
    }
    for (name, value) in [
        ("reason", json!("NONE")),
        ("admin", json!(true)),
        ("decision", json!("DENIED")),
        ("decision", json!("approved")),
        ("deviceId", json!("x")),
        ("numberPicked", json!(-1)),
        ("numberPicked", json!("12")),
        ("amr", json!("pin")),
        ("jti", json!("short")),
        ("jti", json!("")),
        ("jti", json!("A".repeat(100))),
    ] {
        scene.refuses(&good.clone().claim(name, value), "PROOF_INVALID", name).await;
    }
    let me = phone.craft(&Call::me());
    for (name, value) in [("deviceId", json!(phone.device())), ("amr", json!([])), ("exp", json!(1))] {
        scene.refuses(&me.clone().claim(name, value), "PROOF_INVALID", name).await;
    }
    scene.still_works().await;
}

#[tokio::test]
async fn security_89_the_key_of_one_person_answers_for_no_other() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phone().question().await;
    let stranger = bob.phone();
    stranger.warm().await;
    assert!(stranger.pending().await.is_empty());

    let watch = world.watch().await;
    let id = question.notification_id;
    stranger.call(&Call::notification(id)).await.problem(404, "NOTIFICATION_NOT_FOUND");
    watch.only_a_refusal("a foreign question").await;

    // As itself, in the name of alice's device, of her installation, of her.
    let installation = json!(alice.phone().installation());
    let attempts = [
        stranger.craft_approval(&question, None),
        stranger.craft_approval(&question, None).claim("iss", installation.clone()),
        stranger.craft_approval(&question, None).said("deviceId", json!(stranger.device())),
        stranger
            .craft_approval(&question, None)
            .said("deviceId", json!(stranger.device()))
            .said("userId", json!(bob.id.to_string())),
        stranger.craft_denial(&question),
        stranger.craft_denial(&question).claim("iss", installation),
    ];
    for crafted in attempts {
        let watch = world.watch().await;
        let answer = stranger.send(&crafted).await;
        assert!([400, 403, 404].contains(&answer.status), "{}", answer.text());
        watch.only_a_refusal("a stranger's answer").await;
    }
    shop.poll(&asked).await.refused(400, "authorization_pending");
    alice.phone().approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn security_107_an_answer_to_one_question_is_none_to_another() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let phone = alice.phone();
    shop.ask(&alice).await;
    let of_bank = bank.ask(&alice).await;
    let pending = phone.pending().await;
    let [first, second] = &pending[..] else { panic!("two questions") };

    // Signed for the first, sent to the second, with an address that fits.
    let mut crafted = phone.craft_approval(first, None);
    crafted.path = crafted.path.replace(&first.notification_id.to_string(), &second.notification_id.to_string());
    let crafted = {
        let htu = format!("{}{}", world.issuer(), crafted.path);
        crafted.claim("htu", htu)
    };
    let watch = world.watch().await;
    phone.send(&crafted).await.problem(400, "PROOF_MISMATCH");
    watch.only_a_refusal("a swapped answer").await;
    // Even when it names the second, it vouches for what the first showed.
    let id = json!(second.notification_id);
    let crafted = phone.craft_approval(second, None).said("contextHash", json!(first.context_hash()));
    assert_eq!(crafted.claims["notificationId"], id);
    phone.send(&crafted).await.problem(400, "CONTEXT_HASH_MISMATCH");
    bank.poll(&of_bank).await.refused(400, "authorization_pending");
    phone.deny(first, DenyReason::None).await.ok();
    phone.approve(second).await.ok();
}

#[tokio::test]
async fn every_answer_of_the_device_api_brings_a_nonce() {
    let scene = scene().await;
    for (method, path) in [
        (Method::GET, "/device/v1/me"),
        (Method::POST, "/device/v1/me"),
        (Method::GET, "/device/v1/nothing"),
        (Method::GET, "/device/v1/notifications/x"),
        (Method::DELETE, "/device/v1/devices/x"),
        (Method::GET, "/device/"),
    ] {
        let answer = Answer::of(scene.world.request(method, path)).await;
        assert!(answer.header("device-nonce").is_some(), "{path}");
    }
}
