//! What is encrypted for us: one form of it, and no other.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::super::decryption::scalar;
use super::*;
use crate::secret::{MasterKey, Secret};

const CTY: &str = "mobile-payload+jwt";
const MOST: usize = 4096;

/// Whoever made them has seen no line of ours.
fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../device-sdk/vectors/payload_encryption.json")).unwrap()
}

fn key(vectors: &Value) -> DecryptionKey {
    let private = URL_SAFE_NO_PAD.decode(vectors["private"].as_str().unwrap()).unwrap();
    DecryptionKey::new(&scalar(&private).unwrap()).unwrap()
}

/// Encrypted as the vectors are, under this header.
fn sealed(vectors: &Value, header: &str, plain: &[u8]) -> String {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(vectors[name].as_str().unwrap()).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes("contentKey")).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&bytes("nonce")).unwrap();
    let header = base64url(header);
    let mut text = plain.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut text).unwrap();
    format!("{header}..{}.{}.{}", vectors["nonce"].as_str().unwrap(), base64url(text), base64url(tag.as_ref()))
}

/// A block that is stored as it is [RFC 1951 §3.2.4].
fn stored(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).unwrap();
    [&[1_u8][..], &length.to_le_bytes()[..], &(!length).to_le_bytes()[..], plain].concat()
}

#[test]
fn h2_what_the_vectors_say_is_opened() {
    let vectors = vectors();
    let key = key(&vectors);
    assert_eq!(serde_json::to_value(key.public_jwk()).unwrap(), vectors["jwks"]["keys"][1]);
    let encrypted = vectors["encrypted"].as_str().unwrap();
    assert_eq!(key.open(encrypted, CTY, MOST).as_deref(), vectors["payload"].as_str());
    assert_eq!(key.open(encrypted, "JWT", MOST), None, "something else");
    assert_eq!(key.open(encrypted, CTY, encrypted.len() - 1), None, "too long");
    let other = DecryptionKey::new(&scalar(&[7; 32]).unwrap()).unwrap();
    assert_eq!(other.open(encrypted, CTY, MOST), None, "for another key");
}

#[test]
fn t11_no_other_algorithm_extension_or_compression_is_looked_at() {
    let vectors = vectors();
    let key = key(&vectors);
    let (header, payload) = (vectors["header"].as_str().unwrap(), vectors["payload"].as_str().unwrap());
    let good: Value = serde_json::from_str(header).unwrap();
    let with = |member: &str, value: Value| {
        let mut header = good.clone();
        header[member] = value;
        header.to_string()
    };
    let mut spoiled = vec![
        with("zip", json!("DEF")),
        with("crit", json!(["exp"])),
        with("apu", json!("AA")),
        with("p2c", json!(1_000_000)),
        with("alg", json!("dir")),
        with("alg", json!("ECDH-ES+A256KW")),
        with("alg", json!("PBES2-HS256+A128KW")),
        with("enc", json!("A128GCM")),
        with("kid", json!("other")),
        with("cty", json!("JWT")),
        with("epk", json!({})),
        header.replacen('{', r#"{"alg":"dir","#, 1),
        "[]".to_owned(),
    ];
    for member in ["alg", "enc", "kid", "cty", "epk"] {
        let mut header = good.clone();
        header.as_object_mut().unwrap().remove(member);
        spoiled.push(header.to_string());
    }
    for (member, value) in [("x", "AA"), ("crv", "P-384"), ("kty", "OKP"), ("d", "AA")] {
        let mut header = good.clone();
        header["epk"][member] = json!(value);
        spoiled.push(header.to_string());
    }
    // A point that is not on the curve.
    let mut beside = good.clone();
    beside["epk"]["y"] = beside["epk"]["x"].clone();
    spoiled.push(beside.to_string());
    for header in spoiled {
        for plain in [payload.as_bytes().to_vec(), stored(payload.as_bytes())] {
            assert_eq!(key.open(&sealed(&vectors, &header, &plain), CTY, MOST), None, "{header}");
        }
    }
    let opened = key.open(&sealed(&vectors, header, payload.as_bytes()), CTY, MOST);
    assert_eq!(opened.as_deref(), Some(payload), "as it was");
}

#[test]
fn rfc7516_5_2_each_part_has_its_length_and_is_as_it_was() {
    let vectors = vectors();
    let key = key(&vectors);
    let encrypted = vectors["encrypted"].as_str().unwrap();
    let parts: Vec<&str> = encrypted.split('.').collect();
    let with = |at: usize, part: &str| {
        let mut parts = parts.clone();
        parts[at] = part;
        parts.join(".")
    };
    let short_tag = &parts[4][..8];
    let other = if parts[4].starts_with('A') { "B" } else { "A" };
    let other_tag = format!("{other}{}", &parts[4][1..]);
    for spoiled in [
        with(1, "AAAA"),
        with(2, "AAAA"),
        with(2, ""),
        with(4, short_tag),
        with(4, ""),
        with(4, &other_tag),
        with(3, &parts[3][4..]),
        with(3, ""),
        format!("{encrypted}."),
        encrypted.rsplit_once('.').unwrap().0.to_owned(),
        String::new(),
        "....".to_owned(),
    ] {
        assert_eq!(key.open(&spoiled, CTY, MOST), None, "{spoiled}");
    }
}

#[test]
fn h2_the_key_comes_from_the_master_key_alone() {
    let derived = |master: u8, purpose: &str| {
        let key = DecryptionKey::derive(&MasterKey::new(&Secret::new([master; 32])), purpose).unwrap();
        serde_json::to_value(key.public_jwk()).unwrap()
    };
    assert_eq!(derived(7, "a"), derived(7, "a"), "the same on every node");
    assert!(derived(7, "a") != derived(8, "a") && derived(7, "a") != derived(7, "b"));
    let mut order = [0xff; 32];
    order[4..8].fill(0);
    order[16..].copy_from_slice(&[
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]);
    assert!(scalar(&order).is_none() && scalar(&[0; 32]).is_none() && scalar(&[1; 31]).is_none());
    order[31] -= 1;
    assert!(scalar(&order).is_some(), "the largest that there is");
}
