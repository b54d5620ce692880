//! [RFC 7523, OIDCC §9] `private_key_jwt`: clients that sign.

use std::sync::Arc;

use nod::clock::Clock as _;
use nod::domain::client::{Authentication, KeySource};
use nod::protocol::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::world::{Answer, BC_AUTHORIZE, CIBA, Client, INTROSPECT, Jwk, REVOKE, TOKEN, World, b64, compact, seconds};

mod key_sets;

pub(crate) use self::key_sets::KeyServer;

const POLL: [(&str, &str); 2] = [("grant_type", CIBA), ("auth_req_id", "unknown")];

struct Scene {
    world: World,
    bank: Client,
}

async fn scene() -> Scene {
    scene_of(Algorithm::ES256).await
}

async fn scene_of(algorithm: Algorithm) -> Scene {
    let world = World::with().settings(|settings| settings.failed_authentications = 1000).start().await;
    let bank = world.client("bank").private_key_jwt(algorithm).await;
    Scene { world, bank }
}

impl Scene {
    async fn send(&self, assertion: &str) -> Answer {
        Answer::of(self.bank.with_assertion(TOKEN, &POLL, assertion)).await
    }

    /// The client is believed: the question itself is what is refused.
    async fn accepts(&self, assertion: &str, what: &str) {
        let answer = self.send(assertion).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "{what}");
        answer.refused(400, "invalid_grant");
    }

    async fn refuses(&self, assertion: &str, what: &str) {
        let watch = self.world.watch().await;
        let answer = self.send(assertion).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{what}");
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").is_some(), "{what}");
        assert_eq!(watch.only_a_refusal(what).await.action, "client.authenticated");
    }

    /// A good assertion but for some claims; `null` takes one away.
    fn with(&self, changes: &Value) -> String {
        let mut claims = self.bank.claims();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        self.bank.key().jws(&self.bank.header(), &claims)
    }

    fn now(&self) -> i64 {
        self.world.clock.now().seconds()
    }
}

#[tokio::test]
async fn rfc7523_3_each_algorithm_works_the_whole_way() {
    for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256, Algorithm::EdDSA] {
        let world = World::start().await;
        let bank = world.client("bank").private_key_jwt(algorithm).refresh().await;
        let alice = world.user("alice").with_phone().await;
        let tokens = bank.log_in(&alice).await;
        let token = tokens.refresh_token.unwrap();
        assert_eq!(bank.introspect(&token).await["active"], true);
        assert_eq!(bank.revoke(&token, None).await.status, 200);
        assert_eq!(bank.introspect(&token).await["active"], false);
    }
}

#[tokio::test]
async fn rfc7523_3_an_assertion_works_once() {
    let scene = scene().await;
    let assertion = scene.bank.assertion();
    scene.accepts(&assertion, "the first time").await;
    scene.refuses(&assertion, "the second time").await;
    // Neither elsewhere, nor later, nor with other words for the same.
    let elsewhere = Answer::of(scene.bank.with_assertion(INTROSPECT, &[("token", "x")], &assertion)).await;
    elsewhere.refused(401, "invalid_client");
    scene.world.clock.advance(seconds(59));
    scene.refuses(&assertion, "a minute later").await;
    let (_, claims) = crate::world::decoded(&assertion);
    let again = scene.bank.key().jws(&json!({"alg": "ES256", "typ": "JWT"}), &claims);
    scene.refuses(&again, "the same jti in another token").await;
}

#[tokio::test]
async fn rfc7523_3_of_many_copies_of_an_assertion_one_works() {
    let scene = scene().await;
    let assertion = scene.bank.assertion();
    let answers = futures_util::future::join_all((0..8).map(|_| scene.send(&assertion))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 400).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 7);
}

#[tokio::test]
async fn rfc7523_3_the_jti_of_one_client_is_not_that_of_another() {
    let scene = scene().await;
    let shop = scene.world.client("shop").private_key_jwt(Algorithm::ES256).await;
    let mut claims = shop.claims();
    claims["jti"] = json!("the-same");
    let of_shop = shop.key().jws(&shop.header(), &claims);
    Answer::of(shop.with_assertion(TOKEN, &POLL, &of_shop)).await.refused(400, "invalid_grant");
    scene.accepts(&scene.with(&json!({"jti": "the-same"})), "the other client").await;
}

#[tokio::test]
async fn ciba_7_1_an_assertion_may_name_any_of_our_addresses() {
    let scene = scene().await;
    let issuer = scene.world.issuer();
    for audience in [
        json!(issuer),
        json!(format!("{issuer}{TOKEN}")),
        json!(format!("{issuer}{BC_AUTHORIZE}")),
        json!(format!("{issuer}{REVOKE}")),
        json!(format!("{issuer}{INTROSPECT}")),
        json!([issuer]),
        json!(["https://other.example", issuer]),
    ] {
        scene.accepts(&scene.with(&json!({"aud": audience})), &audience.to_string()).await;
    }
    for audience in [
        json!("https://other.example"),
        json!(format!("{issuer}/")),
        json!(issuer.to_uppercase()),
        json!(format!("{issuer}{TOKEN}/")),
        json!(format!("{issuer}{TOKEN}?x=y")),
        json!(format!("{issuer}/as/authorization.oauth2")),
        json!(format!("{issuer}.example")),
        json!(""),
        json!([]),
        json!([["nested"]]),
        json!({"aud": issuer}),
        json!(17),
        Value::Null,
    ] {
        scene.refuses(&scene.with(&json!({"aud": audience})), &audience.to_string()).await;
    }
}

#[tokio::test]
async fn rfc7523_3_issuer_and_subject_are_the_client() {
    let scene = scene().await;
    let _shop = scene.world.client("shop").private_key_jwt(Algorithm::ES256).await;
    for changes in [
        json!({"iss": "shop"}),
        json!({"sub": "shop"}),
        json!({"iss": "shop", "sub": "shop"}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"iss": "BANK", "sub": "BANK"}),
        json!({"iss": "bank "}),
        json!({"sub": ["bank"]}),
        json!({"sub": "nobody", "iss": "nobody"}),
    ] {
        scene.refuses(&scene.with(&changes), &changes.to_string()).await;
    }
    let other_id =
        scene.bank.with_assertion(TOKEN, &[&POLL[..], &[("client_id", "shop")]].concat(), &scene.with(&json!({})));
    Answer::of(other_id).await.refused(401, "invalid_client");
    let own_id =
        scene.bank.with_assertion(TOKEN, &[&POLL[..], &[("client_id", "bank")]].concat(), &scene.with(&json!({})));
    Answer::of(own_id).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn security_7_an_assertion_is_of_now_and_short_lived() {
    let scene = scene().await;
    let now = scene.now();
    for (what, changes) in [
        ("no exp", json!({"exp": null})),
        ("expired", json!({"exp": now - 10})),
        ("far away", json!({"exp": now + 301})),
        ("very far away", json!({"exp": i64::MAX})),
        ("exp as text", json!({"exp": (now + 60).to_string()})),
        ("nbf ahead", json!({"nbf": now + 61})),
        ("iat ahead", json!({"iat": now + 61})),
        ("iat a day ago", json!({"iat": now - 86_400})),
        ("iat as text", json!({"iat": "now"})),
        ("no jti", json!({"jti": null})),
        ("an empty jti", json!({"jti": ""})),
        ("a number as jti", json!({"jti": 17})),
        ("a long jti", json!({"jti": "x".repeat(2000)})),
        ("negative exp", json!({"exp": -1})),
    ] {
        scene.refuses(&scene.with(&changes), what).await;
    }
    for (what, changes) in [
        ("no iat", json!({"iat": null})),
        ("a clock 8 s ahead", json!({"iat": now + 8, "nbf": now + 8})),
        ("a clock 8 s behind", json!({"iat": now - 8, "exp": now + 52})),
        ("five minutes", json!({"exp": now + 300})),
        ("fractions", json!({"exp": 60.5 + f64::from(i32::try_from(now).unwrap())})),
        ("nbf", json!({"nbf": now})),
    ] {
        scene.accepts(&scene.with(&changes), what).await;
    }
}

#[tokio::test]
async fn security_6_the_algorithm_is_the_registered_one() {
    for registered in [Algorithm::PS256, Algorithm::RS256] {
        let scene = scene_of(registered).await;
        for alg in ["RS256", "PS256"] {
            let assertion = scene.bank.key().jws(&json!({"alg": alg, "kid": "bank-key"}), &scene.bank.claims());
            if alg == registered.as_str() {
                scene.accepts(&assertion, alg).await;
            } else {
                scene.refuses(&assertion, "the same key by another algorithm").await;
            }
        }
    }
}

#[tokio::test]
async fn security_6_no_trick_with_alg() {
    let scene = scene().await;
    let claims = || scene.bank.claims();
    let public = scene.bank.key().public();
    let hmac = |secret: &[u8], alg: &str| {
        compact(&json!({"alg": alg, "kid": "bank-key"}), &claims(), |input| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
            ring::hmac::sign(&key, input).as_ref().to_vec()
        })
    };
    let dummy = |alg: &str| compact(&json!({"alg": alg, "kid": "bank-key"}), &claims(), |_| Vec::new());
    let signed_as = |alg: &str| {
        let header = json!({"alg": alg, "kid": "bank-key"});
        compact(&header, &claims(), |input| scene.bank.key().sign("ES256", input))
    };
    for (what, assertion) in [
        ("none", dummy("none")),
        ("None", dummy("None")),
        ("NONE", dummy("NONE")),
        ("an empty alg", dummy("")),
        ("no signature", dummy("ES256")),
        ("a public key as HMAC key", hmac(public.to_string().as_bytes(), "HS256")),
        ("its coordinate as HMAC key", hmac(public["x"].as_str().unwrap().as_bytes(), "HS256")),
        ("an empty HMAC key", hmac(b"", "HS256")),
        ("es256", signed_as("es256")),
        ("ES384", signed_as("ES384")),
        ("ES256K", signed_as("ES256K")),
        ("RS256 without such a key", signed_as("RS256")),
        ("r = s = 0", compact(&scene.bank.header(), &claims(), |_| vec![0; 64])),
        (
            "r = s = 1",
            compact(&scene.bank.header(), &claims(), |_| [vec![0; 31], vec![1], vec![0; 31], vec![1]].concat()),
        ),
        (
            "a longer signature",
            compact(&scene.bank.header(), &claims(), |input| [scene.bank.key().sign("ES256", input), vec![0]].concat()),
        ),
        ("alg as a list", compact(&json!({"alg": ["ES256"]}), &claims(), |_| vec![1; 64])),
    ] {
        scene.refuses(&assertion, what).await;
    }
    scene.accepts(&scene.bank.assertion(), "the good one after all of that").await;
}

#[tokio::test]
async fn security_6_a_token_does_not_choose_its_key() {
    let scene = scene().await;
    let stranger = Jwk::p256();
    for (what, header) in [
        ("jwk", json!({"alg": "ES256", "jwk": stranger.public()})),
        ("jwk with our kid", json!({"alg": "ES256", "kid": "bank-key", "jwk": stranger.public()})),
        ("jku", json!({"alg": "ES256", "kid": "bank-key", "jku": "https://evil.example/jwks"})),
        ("x5u", json!({"alg": "ES256", "kid": "bank-key", "x5u": "https://evil.example/cert"})),
        ("x5c", json!({"alg": "ES256", "kid": "bank-key", "x5c": ["MIIB"]})),
        ("a path", json!({"alg": "ES256", "kid": "../../dev/null"})),
        ("SQL", json!({"alg": "ES256", "kid": "' UNION SELECT 'x' --"})),
        ("a long kid", json!({"alg": "ES256", "kid": "k".repeat(1500)})),
        ("a kid of nobody", json!({"alg": "ES256", "kid": "other"})),
        ("no kid", json!({"alg": "ES256"})),
        ("our kid", json!({"alg": "ES256", "kid": "bank-key"})),
        ("critical extensions", json!({"alg": "ES256", "kid": "bank-key", "crit": ["exp"], "exp": 1})),
    ] {
        let assertion = compact(&header, &scene.bank.claims(), |input| stranger.sign("ES256", input));
        scene.refuses(&assertion, what).await;
    }
    let crit = json!({"alg": "ES256", "kid": "bank-key", "crit": []});
    scene.refuses(&scene.bank.key().jws(&crit, &scene.bank.claims()), "an empty crit").await;
    let crit = json!({"alg": "ES256", "kid": "bank-key", "b64": false});
    scene.refuses(&scene.bank.key().jws(&crit, &scene.bank.claims()), "b64").await;
    // Names of keys are hints, strangers' names of our key are none of our business.
    let other = json!({"alg": "ES256", "kid": "renamed"});
    scene.refuses(&scene.bank.key().jws(&other, &scene.bank.claims()), "the right key by a wrong name").await;
}

#[tokio::test]
async fn rfc7515_4_1_4_without_a_kid_the_only_suitable_key_is_meant() {
    let scene = scene().await;
    let unnamed = |scene: &Scene| scene.bank.key().jws(&json!({"alg": "ES256"}), &scene.bank.claims());
    scene.accepts(&unnamed(&scene), "one key").await;
    // Several keys: the suitable one is found, whatever else is registered.
    let (own, rsa) = (scene.bank.key().public(), Jwk::rsa().public());
    scene
        .bank
        .update(move |client| {
            client.authentication =
                Authentication::PrivateKeyJwt { keys: KeySource::Jwks(json!({"keys": [rsa, own]})), alg: None };
        })
        .await;
    scene.accepts(&unnamed(&scene), "the only key of this kind").await;
}

#[tokio::test]
async fn rfc7517_4_2_a_key_for_encryption_signs_nothing() {
    let scene = scene().await;
    let mut own = scene.bank.key().public();
    own["kid"] = json!("bank-key");
    own["use"] = json!("enc");
    scene
        .bank
        .update(move |client| {
            client.authentication =
                Authentication::PrivateKeyJwt { keys: KeySource::Jwks(json!({"keys": [own]})), alg: None };
        })
        .await;
    scene.refuses(&scene.bank.assertion(), "an encryption key").await;
}

#[tokio::test]
async fn a_key_that_was_replaced_works_no_more() {
    let scene = scene().await;
    scene.accepts(&scene.bank.assertion(), "the registered key").await;
    let new = Arc::new(Jwk::p256());
    let mut jwk = new.public();
    jwk["kid"] = json!("bank-key");
    scene
        .bank
        .update(move |client| {
            client.authentication =
                Authentication::PrivateKeyJwt { keys: KeySource::Jwks(json!({"keys": [jwk]})), alg: None };
        })
        .await;
    scene.refuses(&scene.bank.assertion(), "the old key").await;
    scene.accepts(&new.jws(&scene.bank.header(), &scene.bank.claims()), "the new key").await;
}

#[tokio::test]
async fn rfc8725_3_11_another_kind_of_token_is_no_assertion() {
    let scene = scene().await;
    for typ in ["at+jwt", "logout+jwt", "oauth-authz-req+jwt", "dpop+jwt", "nod-proof+jwt"] {
        let header = json!({"alg": "ES256", "kid": "bank-key", "typ": typ});
        scene.refuses(&scene.bank.key().jws(&header, &scene.bank.claims()), typ).await;
    }
    for typ in ["JWT", "jwt", "client-authentication+jwt"] {
        let header = json!({"alg": "ES256", "kid": "bank-key", "typ": typ});
        scene.accepts(&scene.bank.key().jws(&header, &scene.bank.claims()), typ).await;
    }
}

#[tokio::test]
async fn rfc7521_4_2_the_type_of_the_assertion_is_named() {
    let scene = scene().await;
    let assertion = scene.bank.assertion();
    for kind in ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer"] {
        let fields = [&POLL[..], &[("client_assertion_type", kind), ("client_assertion", &assertion)]].concat();
        let watch = scene.world.watch().await;
        Answer::of(scene.bank.bare(TOKEN, &fields)).await.refused(401, "invalid_client");
        watch.only_a_refusal(kind).await;
    }
    let watch = scene.world.watch().await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields = [&POLL[..], &[("client_assertion_type", kind)]].concat();
    Answer::of(scene.bank.bare(TOKEN, &fields)).await.refused(401, "invalid_client");
    watch.only_a_refusal("a type without an assertion").await;
    scene.accepts(&assertion, "the assertion was not spent by any of these").await;
}

#[tokio::test]
async fn what_is_no_jws_is_no_assertion() {
    let scene = scene().await;
    let good = scene.bank.assertion();
    let parts: Vec<&str> = good.split('.').collect();
    let claims = scene.bank.claims().to_string();
    let twice = format!("{{\"sub\":\"bank\",{}", &claims[1..]);
    let deep = format!("{}{}{}", "[".repeat(1000), "1", "]".repeat(1000));
    for (what, assertion) in [
        ("one part", "x".to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("five parts", "a.b.c.d.e".to_owned()),
        ("empty parts", "..".to_owned()),
        ("padding", format!("{good}=")),
        ("no base64", format!("{}.{}.###", parts[0], parts[1])),
        ("no JSON", format!("{}.{}.{}", b64(b"x"), parts[1], parts[2])),
        ("a list", format!("{}.{}.{}", parts[0], b64(b"[]"), parts[2])),
        ("a repeated claim", format!("{}.{}.{}", parts[0], b64(twice.as_bytes()), parts[2])),
        ("deep JSON", format!("{}.{}.{}", parts[0], b64(deep.as_bytes()), parts[2])),
        ("a flipped bit", format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>())),
        ("JSON serialisation", json!({"payload": parts[1], "signature": parts[2], "protected": parts[0]}).to_string()),
    ] {
        scene.refuses(&assertion, what).await;
    }
    // A parameter has a length too.
    let watch = scene.world.watch().await;
    scene.send(&format!("{good}{}", "A".repeat(5000))).await.refused(400, "invalid_request");
    watch.only_a_refusal("a very long assertion").await;
    scene.accepts(&good, "the good one").await;
}

#[tokio::test]
async fn security_6_no_address_in_a_token_is_ever_called() {
    // A listener that would notice.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let scene = scene().await;
    for name in ["jku", "x5u", "jwks_uri"] {
        let header = json!({"alg": "ES256", "kid": "unknown", name: url});
        scene.refuses(&scene.bank.key().jws(&header, &scene.bank.claims()), name).await;
    }
    let called = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
    assert!(called.is_err());
}

#[tokio::test]
async fn security_157_a_weak_registered_key_verifies_nothing() {
    let scene = scene().await;
    let mut small = Jwk::rsa().public();
    small["n"] = json!(b64(&[0xc1; 128]));
    let one = json!({"kty": "RSA", "n": Jwk::rsa().public()["n"], "e": b64(&[1])});
    let curve = json!({"kty": "EC", "crv": "P-256", "x": b64(&[1; 32]), "y": b64(&[1; 32])});
    let symmetric = json!({"kty": "oct", "k": b64(b"secret")});
    for (what, key) in [("RSA of 1024 bits", small), ("e = 1", one), ("no point", curve), ("a secret", symmetric)] {
        let mut key = key;
        key["kid"] = json!("bank-key");
        scene
            .bank
            .update(move |client| {
                client.authentication =
                    Authentication::PrivateKeyJwt { keys: KeySource::Jwks(json!({"keys": [key]})), alg: None };
            })
            .await;
        scene.refuses(&scene.bank.assertion(), what).await;
    }
}
