//! Keys, in sets and in tokens.

use super::*;
use crate::secret::Secret;

#[test]
fn weak_rsa_keys_are_refused() {
    let n = |bits: usize| {
        let mut modulus = vec![0xff; bits / 8];
        modulus[0] = 0x80;
        base64url(modulus)
    };
    let read = |n: &str, e: &str| {
        let jwk = json!({"kty": "RSA", "n": n, "e": e});
        VerificationKey::from_jwk(&bytes_of(&jwk), Algorithm::PS256).map(|_| ())
    };
    assert_eq!(read(&n(2048), "AQAB"), Ok(()));
    assert_eq!(read(&n(4096), "AQAB"), Ok(()));
    assert_eq!(read(&n(2048), "Aw"), Ok(()));
    for (n, e, error) in [
        (n(1024), "AQAB", KeyError::ModulusSize),
        (n(2040), "AQAB", KeyError::ModulusSize),
        (n(4104), "AQAB", KeyError::ModulusSize),
        (n(16384), "AQAB", KeyError::ModulusSize),
        (base64url([vec![0; 128], vec![0xff; 128]].concat()), "AQAB", KeyError::ModulusSize),
        (base64url([vec![0x80], vec![0; 255]].concat()), "AQAB", KeyError::ModulusSize),
        (String::new(), "AQAB", KeyError::ModulusSize),
        (n(2048), "AQ", KeyError::Exponent),
        (n(2048), "AAE", KeyError::Exponent),
        (n(2048), "AA", KeyError::Exponent),
        (n(2048), "", KeyError::Exponent),
        (n(2048), "Ag", KeyError::Exponent),
        (n(2048), "AQAAAAAAAAAB", KeyError::Exponent),
        (n(2048), "AQA=", KeyError::Malformed),
    ] {
        assert_eq!(read(&n, e), Err(error), "n of {} characters, e = {e}", n.len());
    }
}

#[test]
fn only_points_on_p256_are_ec_keys() {
    let good = jwk_of(&key(Algorithm::ES256));
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        VerificationKey::from_jwk(&bytes_of(&jwk), Algorithm::ES256).map(|_| ())
    };
    assert_eq!(with("x5t", json!("ignored")), Ok(()));
    assert_eq!(with("key_ops", json!(["verify"])), Ok(()));
    assert_eq!(with("y", json!(base64url([1; 32]))), Err(KeyError::Refused));
    assert_eq!(with("y", json!(base64url([1; 31]))), Err(KeyError::Malformed));
    assert_eq!(with("y", json!(base64url([1; 33]))), Err(KeyError::Malformed));
    assert_eq!(with("y", json!(7)), Err(KeyError::Malformed));
    assert_eq!(with("y", Value::Null), Err(KeyError::Malformed));
    assert_eq!(with("crv", json!("P-384")), Err(KeyError::Unsupported));
    assert_eq!(with("crv", json!("secp256k1")), Err(KeyError::Unsupported));
    assert_eq!(with("kty", json!("RSA")), Err(KeyError::Unsupported));
    assert_eq!(with("alg", json!("ES384")), Err(KeyError::Unsupported));
    assert_eq!(with("use", json!("enc")), Err(KeyError::Use));
    assert_eq!(with("key_ops", json!(["sign"])), Err(KeyError::Use));
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(with(private, Value::Null), Err(KeyError::Private), "{private}");
    }
    assert_eq!(
        VerificationKey::from_jwk(br#"{"kty":"oct","k":"AAAA"}"#, Algorithm::ES256).unwrap_err(),
        KeyError::Private
    );
    assert_eq!(
        VerificationKey::from_jwk(br#"{"kty":"EC","kty":"oct"}"#, Algorithm::ES256).unwrap_err(),
        KeyError::Malformed
    );
    assert_eq!(VerificationKey::from_jwk(&bytes_of(&good), Algorithm::EdDSA).unwrap_err(), KeyError::Unsupported);
}

#[test]
fn rfc7517_5_a_bad_key_does_not_spoil_the_set() {
    let es256 = jwk_of(&key(Algorithm::ES256));
    let encryption = json!({"kty": "EC", "crv": "P-256", "x": es256["x"], "y": es256["y"], "use": "enc"});
    let document = json!({"keys": [{"kid": "no kty"}, {"kty": 7}, "text", null, {"kty": "AKP"}, encryption,
        {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-256", "x": "====", "y": "AA"}, es256], "more": 1});
    let set = KeySet::parse(&bytes_of(&document)).unwrap();
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.unusable().iter().map(|key| key.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);

    assert_eq!(KeySet::parse(b"{}").unwrap_err(), KeySetError::Malformed);
    assert_eq!(KeySet::parse(b"[]").unwrap_err(), KeySetError::Malformed);
    assert_eq!(KeySet::parse(br#"{"keys":[],"keys":[]}"#).unwrap_err(), KeySetError::Malformed);
    assert_eq!(KeySet::parse(br#"{"keys":[{"kty":"EC","kty":"AKP"}]}"#).unwrap_err(), KeySetError::Malformed);
    assert_eq!(KeySet::parse(br#"{"keys":{}}"#).unwrap_err(), KeySetError::Malformed);
    assert_eq!(KeySet::parse(&bytes_of(&json!({"keys": vec![0; 101]}))).unwrap_err(), KeySetError::TooManyKeys);
    assert!(KeySet::parse(&bytes_of(&json!({"keys": vec![0; 100]}))).unwrap().keys().is_empty());
    assert_eq!(KeySet::parse(&vec![b' '; 70_000]).unwrap_err(), KeySetError::TooLarge);
}

#[test]
fn rfc7515_4_1_4_the_kid_chooses_and_without_one_there_must_be_no_choice() {
    let named = |kid: Option<&str>| {
        let mut jwk = jwk_of(&key(Algorithm::ES256));
        match kid {
            Some(kid) => jwk["kid"] = json!(kid),
            None => drop(jwk.as_object_mut().unwrap().remove("kid")),
        }
        jwk
    };
    let set = |keys: Vec<Value>| KeySet::parse(&bytes_of(&json!({ "keys": keys }))).unwrap();
    let count = |set: &KeySet, kid| set.candidates(kid, Algorithm::ES256).len();

    let one = set(vec![named(Some("a")), jwk_of(&key(Algorithm::EdDSA))]);
    assert_eq!(count(&one, None), 1, "the other is for another algorithm");
    assert_eq!(count(&one, Some("a")), 1);
    assert_eq!(count(&one, Some("A")), 0);
    assert_eq!(count(&one, Some("")), 0);
    assert_eq!(one.candidates(Some("a"), Algorithm::RS256).len(), 0);

    let two = set(vec![named(Some("a")), named(None)]);
    assert_eq!(count(&two, None), 0);
    assert_eq!(count(&two, Some("a")), 1);

    let same = set((0..20).map(|_| named(Some("a"))).collect());
    assert_eq!(count(&same, Some("a")), 5, "tries are bounded");
    assert_eq!(count(&same, None), 0);
}

#[test]
fn one_of_two_keys_of_the_same_kid_is_enough() {
    let (one, two, other) = (key(Algorithm::ES256), key(Algorithm::ES256), key(Algorithm::ES256));
    let named = |key: &SigningKey| {
        let mut jwk = jwk_of(key);
        jwk["kid"] = json!("same");
        jwk
    };
    let set = KeySet::parse(&bytes_of(&json!({"keys": [named(&one), named(&two)]}))).unwrap();
    let signed_by = |key| {
        let token = token(key, r#"{"alg":"ES256","kid":"same"}"#, r#"{"sub":"alice"}"#);
        set.verify::<Claims>(&Unverified::parse(&token).unwrap(), Algorithm::ES256, JWT).map(|v| v.signed_by())
    };
    assert_eq!(signed_by(&two).unwrap(), two.verification_key().thumbprint());
    assert_eq!(signed_by(&other).unwrap_err(), JwtError::Signature);
}

#[test]
fn what_we_publish_is_public_and_complete() {
    let keys: Vec<_> = Algorithm::ALL.into_iter().map(key).collect();
    let document: Value = serde_json::from_slice(&public_jwks(keys.iter().map(SigningKey::public_jwk))).unwrap();
    for (jwk, key) in document["keys"].as_array().unwrap().iter().zip(&keys) {
        assert_eq!(
            (&jwk["kid"], &jwk["use"], &jwk["alg"]),
            (&json!(key.kid()), &json!("sig"), &json!(key.algorithm()))
        );
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(jwk.get(private).is_none());
        }
    }
    assert_eq!(KeySet::parse(&bytes_of(&document)).unwrap().keys().len(), 4);
}

#[test]
fn a_private_key_that_does_not_fit_its_public_half_is_refused() {
    let (_, private) = SigningKey::generate(Algorithm::ES256).unwrap();
    let mut jwk: Value = serde_json::from_slice(private.expose()).unwrap();
    let other = jwk_of(&key(Algorithm::ES256));
    jwk["x"] = other["x"].clone();
    jwk["y"] = other["y"].clone();
    let error = SigningKey::import(&Secret::new(bytes_of(&jwk))).unwrap_err();
    assert!(matches!(error, KeyError::Mismatch | KeyError::Refused), "{error}");
    assert!(SigningKey::import(&Secret::new(b"{}".to_vec())).is_err());
    assert!(SigningKey::import(&Secret::new(bytes_of(&other))).is_err(), "no private half");
}

fn proof_header(key: &SigningKey) -> Value {
    let jwk = jwk_of(key);
    json!({"typ": PROOF, "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]}})
}

#[test]
fn a_proof_verifies_with_its_own_key_fresh_or_remembered() {
    let device = key(Algorithm::ES256);
    let token = token(&device, &proof_header(&device).to_string(), r#"{"sub":"alice"}"#);
    let proof = EmbeddedKeyProof::parse(&token, PROOF, 4096).unwrap();
    assert_eq!(proof.thumbprint(), device.verification_key().thumbprint());
    let fresh = proof.verification_key().unwrap();
    let verified: Verified<Claims> = proof.verify(&fresh).unwrap();
    assert_eq!((verified.claims().sub.as_str(), verified.signed_by()), ("alice", proof.thumbprint()));
    assert!(proof.verify::<Claims>(device.verification_key()).is_ok());
    assert_eq!(EmbeddedKeyProof::parse(&token, PROOF, 100).unwrap_err(), JwtError::TooLong);
}

#[test]
fn a_proof_does_not_verify_with_another_key() {
    let (device, other) = (key(Algorithm::ES256), key(Algorithm::ES256));
    // Signed by one, carrying the other.
    let stolen = token(&other, &proof_header(&device).to_string(), r#"{"sub":"alice"}"#);
    let proof = EmbeddedKeyProof::parse(&stolen, PROOF, 4096).unwrap();
    assert_eq!(proof.verify::<Claims>(&proof.verification_key().unwrap()).unwrap_err(), JwtError::Signature);
    // A remembered key that did sign, under a thumbprint that is not the token's.
    assert_eq!(proof.verify::<Claims>(other.verification_key()).unwrap_err(), JwtError::UnknownKey);
}

#[test]
fn a_proof_carries_exactly_one_public_p256_key() {
    let device = key(Algorithm::ES256);
    let parse = |header: &Value| {
        let token = token(&device, &header.to_string(), r#"{"sub":"alice"}"#);
        EmbeddedKeyProof::parse(&token, PROOF, 4096).map(|_| ())
    };
    let good = proof_header(&device);
    assert_eq!(parse(&good), Ok(()));
    for (name, value) in [
        ("d", json!("AAAA")),
        ("kid", json!("x")),
        ("use", json!("sig")),
        ("kty", json!("OKP")),
        ("crv", json!("P-384")),
        ("x", json!("AAAA")),
        ("y", json!(7)),
        ("x", Value::Null),
    ] {
        let mut header = good.clone();
        header["jwk"][name] = value;
        assert_eq!(parse(&header), Err(JwtError::EmbeddedKey), "{header}");
    }
    let mut header = good.clone();
    header.as_object_mut().unwrap().remove("jwk");
    assert_eq!(parse(&header), Err(JwtError::EmbeddedKey));
    header["jku"] = json!("https://evil.example");
    assert_eq!(parse(&header), Err(JwtError::EmbeddedKey));
    let mut header = good.clone();
    header["alg"] = json!("EdDSA");
    assert_eq!(parse(&header), Err(JwtError::Algorithm));
    let mut header = good.clone();
    header["crit"] = json!(["x"]);
    assert_eq!(parse(&header), Err(JwtError::Extension));
    // A point that is on no curve parses, and is no key.
    let mut header = good;
    header["jwk"]["y"] = json!(base64url([1; 32]));
    let token = token(&device, &header.to_string(), "{}");
    assert_eq!(
        EmbeddedKeyProof::parse(&token, PROOF, 4096).unwrap().verification_key().unwrap_err(),
        KeyError::Refused
    );
}

#[test]
fn a_proof_of_another_type_is_refused() {
    let device = key(Algorithm::ES256);
    for typ in [json!("JWT"), json!("dpop+jwt"), Value::Null] {
        let mut header = proof_header(&device);
        header["typ"] = typ;
        let token = token(&device, &header.to_string(), r#"{"sub":"alice"}"#);
        let proof = EmbeddedKeyProof::parse(&token, PROOF, 4096).unwrap();
        assert_eq!(proof.verify::<Claims>(device.verification_key()).unwrap_err(), JwtError::Typ);
    }
}
