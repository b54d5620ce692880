//! JARM: answers that are encrypted for the client.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwe::{ECDH_ES, JweDecrypter, RSA_OAEP_256, deserialize_compact};
use josekit::jwk::KeyPair as _;
use josekit::jwk::alg::ec::EcCurve;
use nod::domain::client::KeySource;
use nod::protocol::encryption::{ContentEncryption, Encryption, KeyManagement};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{PASSWORD, shop_and_alice};
use crate::world::{Client, Jwk, World, b64};

/// The client reads with these keys, by these algorithms.
async fn reads(shop: &Client, keys: KeySource, alg: KeyManagement, enc: ContentEncryption) {
    let change = move |shop: &mut nod::domain::client::Client| {
        let sign_in = shop.sign_in.as_mut().unwrap();
        sign_in.requests.keys = Some(keys);
        sign_in.authorization_encrypted_response = Some(Encryption { alg, enc });
    };
    shop.update(change).await;
}

fn set(keys: &[Value]) -> KeySource {
    KeySource::Jwks(json!({ "keys": keys }))
}

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A key for nothing else, and what the client publishes of it.
fn reading_key() -> (p256::SecretKey, Value) {
    let secret = p256::SecretKey::from_slice(digest(&SHA256, b"a relying party").as_ref()).unwrap();
    let point = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
    let public = json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]), "use": "enc", "kid": "reads" });
    (secret, public)
}

/// Header and content [RFC 7516 §5.2, RFC 7518 §4.6, §5.3], read from the specifications and not from what encrypts.
fn opened(token: &str, secret: &p256::SecretKey) -> (Value, String) {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, key, iv, content, tag] = parts[..] else { panic!("{} parts", parts.len()) };
    assert_eq!(key, "", "it is agreed on, and not sent");
    let told: Value = serde_json::from_slice(&bytes(header)).unwrap();
    let coordinate = |name: &str| bytes(told["epk"][name].as_str().unwrap());
    let theirs = [vec![4], coordinate("x"), coordinate("y")].concat();
    let theirs = p256::PublicKey::from_sec1_bytes(&theirs).unwrap();
    let shared = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), theirs.as_affine());
    let enc = told["enc"].as_str().unwrap();
    let (algorithm, length) = if enc == "A256GCM" { (&AES_256_GCM, 32_u32) } else { (&AES_128_GCM, 16) };
    let number = |n: u32| n.to_be_bytes().to_vec();
    let info = [number(u32::try_from(enc.len()).unwrap()), enc.as_bytes().to_vec(), number(0), number(0)].concat();
    let input = [number(1), shared.raw_secret_bytes().as_slice().to_vec(), info, number(8 * length)].concat();
    let agreed = digest(&SHA256, &input);
    let key = UnboundKey::new(algorithm, &agreed.as_ref()[..usize::try_from(length).unwrap()]).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(&bytes(iv)).unwrap();
    let mut sealed = [bytes(content), bytes(tag)].concat();
    let plain = LessSafeKey::new(key).open_in_place(nonce, Aad::from(header.as_bytes()), &mut sealed).unwrap();
    (told, String::from_utf8(plain.to_vec()).unwrap())
}

#[tokio::test]
async fn jarm_2_2_the_answer_is_signed_and_then_encrypted_for_the_client() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let (secret, public) = reading_key();
    // A key that signs is none to encrypt with, and one that is there for it goes before one that may do both.
    let signs = json!({ "kid": "signs", "use": "sig" });
    let signs =
        [signs, Jwk::p256().public()].iter().flat_map(|one| one.as_object().unwrap().clone()).collect::<Value>();
    let both = Jwk::p256().public();
    for enc in [ContentEncryption::A128Gcm, ContentEncryption::A256Gcm] {
        reads(&shop, set(&[signs.clone(), both.clone(), public.clone()]), KeyManagement::EcdhEs, enc).await;
        let mut browser = world.browser();
        // A refusal says no more than an answer does to whoever sees it go by.
        let fields = [("response_mode", "jwt"), ("prompt", "none")];
        let refused = browser.authorize(&shop, &fields).await.unwrap_err();
        let page = browser.authorize(&shop, &fields[..1]).await.unwrap();
        let told = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        let mut fragment = fields[..1].to_vec();
        fragment[0].1 = "fragment.jwt";
        let again = browser.authorize(&shop, &fragment).await.unwrap_err();
        for (callback, error) in [(refused, Some("login_required")), (told, None), (again, None)] {
            assert_eq!(callback.0.len(), 1, "{callback:?}");
            let (header, inner) = opened(callback.get("response"), &secret);
            assert_eq!(
                (&header["alg"], &header["enc"], &header["cty"], &header["kid"]),
                (&json!("ECDH-ES"), &json!(enc.as_str()), &json!("JWT"), &json!("reads"))
            );
            let (signed, claims) = world.verified(&inner).await;
            assert_eq!(signed["alg"], "ES256");
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.issuer()), &json!("shop")));
            assert_eq!((claims["error"].as_str(), &claims["state"]), (error, &json!("a state")));
            if error.is_none() {
                shop.redeem(claims["code"].as_str().unwrap()).await.tokens();
            }
        }
        // What is no JWT is not encrypted.
        browser.authorize(&shop, &[]).await.unwrap_err().get("code");
    }
}

/// The client opens them with the library that we encrypt with; what is in one by the specifications, the test before says.
#[tokio::test]
async fn jarm_3_each_pair_of_algorithms_can_be_opened_by_its_client() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let rsa = RSA_OAEP_256.generate_key_pair(2048).unwrap();
    let ec = ECDH_ES.generate_ec_key_pair(EcCurve::P256).unwrap();
    let public = [rsa.to_jwk_public_key(), ec.to_jwk_public_key()].map(|jwk| Value::Object(jwk.into()));
    let readers: [(KeyManagement, Box<dyn JweDecrypter>); 2] = [
        (KeyManagement::RsaOaep256, Box::new(RSA_OAEP_256.decrypter_from_jwk(&rsa.to_jwk_private_key()).unwrap())),
        (KeyManagement::EcdhEs, Box::new(ECDH_ES.decrypter_from_jwk(&ec.to_jwk_key_pair()).unwrap())),
    ];
    for (alg, reader) in readers {
        for enc in ContentEncryption::ALL {
            reads(&shop, set(&public), alg, enc).await;
            let callback = browser.authorize(&shop, &[("response_mode", "jwt")]).await.unwrap_err();
            let (inner, header) = deserialize_compact(callback.get("response"), &*reader).unwrap();
            assert_eq!((header.algorithm(), header.content_encryption()), (Some(alg.as_str()), Some(enc.as_str())));
            assert_eq!(header.content_type(), Some("JWT"));
            let (_, claims) = world.verified(&String::from_utf8(inner).unwrap()).await;
            shop.redeem(claims["code"].as_str().unwrap()).await.tokens();
        }
    }
}

#[tokio::test]
async fn jarm_2_2_an_answer_that_cannot_be_encrypted_goes_nowhere() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let fields = [("response_mode", "jwt")];
    let wanted = |keys| reads(&shop, keys, KeyManagement::EcdhEs, ContentEncryption::default());
    // Of another kind, meant for something else, or on no curve at all.
    let (_, good) = reading_key();
    let other = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    for key in [
        Jwk::rsa().public(),
        other("use", json!("sig")),
        other("alg", json!("RSA-OAEP-256")),
        other("key_ops", json!(["verify"])),
        other("y", good["x"].clone()),
    ] {
        wanted(set(std::slice::from_ref(&key))).await;
        let page = browser.authorize(&shop, &fields).await.unwrap();
        assert_eq!(page.answer.status, 400, "{key}");
        assert!(!page.answer.text().contains("response="), "not in the clear, and not as a link back: {key}");
    }
    // A set that cannot be had now: nothing is used up for it, and the browser may come again.
    wanted(set(&[good])).await;
    let page = browser.authorize(&shop, &[("response_mode", "jwt"), ("prompt", "login")]).await.unwrap();
    wanted(KeySource::JwksUri("https://10.0.0.1/jwks".to_owned())).await;
    let late = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    assert_eq!((late.answer.status, late.answer.header("retry-after").is_some()), (503, true));
    assert_eq!(browser.authorize(&shop, &fields).await.unwrap().answer.status, 503);
    let (secret, good) = reading_key();
    reads(&shop, set(&[good]), KeyManagement::EcdhEs, ContentEncryption::A128Gcm).await;
    let callback = browser.open(&late.path).await.unwrap_err();
    let (_, claims) = world.verified(&opened(callback.get("response"), &secret).1).await;
    shop.redeem(claims["code"].as_str().unwrap()).await.tokens();
}
