//! What is signed is what verifies, by the algorithm of the key.

use super::*;

#[test]
fn what_we_sign_verifies_and_says_who_signed_it() {
    for algorithm in Algorithm::ALL {
        let (key, private) = SigningKey::generate(algorithm).unwrap();
        let token = key.sign("JWT", &json!({"sub": "alice", "exp": 1_800_000_000})).unwrap();
        let unverified = Unverified::parse(token.expose()).unwrap();
        assert_eq!(
            (unverified.algorithm(), unverified.kid(), unverified.typ()),
            (algorithm, Some(key.kid()), Some("JWT"))
        );

        let verified: Verified<Claims> = unverified.verify(key.verification_key(), JWT).unwrap();
        assert_eq!(verified.claims().sub, "alice");
        assert_eq!(verified.claims().exp.unwrap().timestamp().seconds(), 1_800_000_000);
        assert_eq!(verified.signed_by().to_string(), key.kid());

        let again = SigningKey::import(&private).unwrap();
        assert_eq!(again.kid(), key.kid());
        let token = again.sign("JWT", &json!({"sub": "alice"})).unwrap();
        assert!(verify(token.expose(), &key).is_ok());

        let published = VerificationKey::from_jwk(&bytes_of(&jwk_of(&key)), algorithm).unwrap();
        assert_eq!(published.thumbprint(), key.verification_key().thumbprint());
        assert!(Unverified::parse(token.expose()).unwrap().verify::<Claims>(&published, JWT).is_ok());
    }
}

#[test]
fn an_independent_library_agrees_on_our_signatures() {
    use ring::signature as ring_signature;
    let cases: [(Algorithm, &dyn ring_signature::VerificationAlgorithm); 4] = [
        (Algorithm::ES256, &ECDSA_P256_SHA256_FIXED),
        (Algorithm::PS256, &ring_signature::RSA_PSS_2048_8192_SHA256),
        (Algorithm::RS256, &ring_signature::RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::EdDSA, &ring_signature::ED25519),
    ];
    for (algorithm, rule) in cases {
        let key = key(algorithm);
        let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk_of(&key)[name].as_str().unwrap()).unwrap();
        let public = match algorithm {
            Algorithm::ES256 => [vec![4], member("x"), member("y")].concat(),
            Algorithm::EdDSA => member("x"),
            Algorithm::PS256 | Algorithm::RS256 => {
                // RSAPublicKey in DER, long-form lengths.
                let integer = |bytes: Vec<u8>| {
                    let padded = [vec![0], bytes].concat();
                    let length = u16::try_from(padded.len()).unwrap().to_be_bytes();
                    if padded.len() < 128 {
                        [vec![2, length[1]], padded].concat()
                    } else {
                        [vec![2, 0x82, length[0], length[1]], padded].concat()
                    }
                };
                let exponent = member("e");
                let e = [vec![2, u8::try_from(exponent.len()).unwrap()], exponent].concat();
                let body = [integer(member("n")), e].concat();
                let length = u16::try_from(body.len()).unwrap().to_be_bytes();
                [vec![0x30, 0x82, length[0], length[1]], body].concat()
            }
        };
        let token = key.sign("JWT", &json!({"sub": "alice"})).unwrap();
        let (message, signature) = token.expose().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(rule, public).verify(message.as_bytes(), &signature).unwrap();
    }
}

#[test]
fn rfc7515_a_3_the_es256_example_verifies() {
    let jwk = br#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"example"}"#;
    let key = VerificationKey::from_jwk(jwk, Algorithm::ES256).unwrap();
    assert_eq!(key.kid(), Some("example"));
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let verified: Verified<Value> = Unverified::parse(token).unwrap().verify(&key, JWT).unwrap();
    assert_eq!(verified.claims()["iss"], "joe");
}

#[test]
fn rfc7638_3_1_the_thumbprint_example() {
    let jwk = br#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    let key = VerificationKey::from_jwk(jwk, Algorithm::RS256).unwrap();
    assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn oidcc_3_1_3_6_at_hash_is_the_left_half() {
    // The example of OpenID Connect Core, Appendix A.4.
    let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(at_hash(Algorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(at_hash(Algorithm::ES256, token), at_hash(Algorithm::PS256, token));
    assert_eq!(URL_SAFE_NO_PAD.decode(at_hash(Algorithm::EdDSA, token)).unwrap().len(), 32);
}

#[test]
fn a_changed_token_does_not_verify() {
    for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA] {
        let key = key(algorithm);
        let good = token(&key, &format!(r#"{{"alg":"{algorithm}"}}"#), r#"{"sub":"alice"}"#);
        assert!(verify(&good, &key).is_ok());
        let parts: Vec<&str> = good.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], base64url(r#"{"sub":"bob"}"#), parts[2]);
        assert_eq!(verify(&forged, &key).unwrap_err(), JwtError::Signature);
        assert_eq!(verify(&format!("{}.{}.", parts[0], parts[1]), &key).unwrap_err(), JwtError::Signature);
        let longer = base64url([URL_SAFE_NO_PAD.decode(parts[2]).unwrap(), vec![0]].concat());
        assert_eq!(verify(&format!("{}.{}.{longer}", parts[0], parts[1]), &key).unwrap_err(), JwtError::Signature);
    }
}

#[test]
fn a_zero_signature_does_not_verify() {
    let key = key(Algorithm::ES256);
    let input = format!("{}.{}", base64url(r#"{"alg":"ES256"}"#), base64url(r#"{"sub":"alice"}"#));
    let mut order = vec![0xff; 4];
    order.extend([0; 4]);
    order.resize(64, 1);
    for signature in [vec![0; 64], vec![0; 63], vec![], [vec![1; 32], vec![0; 32]].concat(), vec![0xff; 64], order] {
        assert_eq!(verify(&format!("{input}.{}", base64url(signature)), &key).unwrap_err(), JwtError::Signature);
    }
}

#[test]
fn another_key_does_not_verify() {
    let token = token(&key(Algorithm::ES256), r#"{"alg":"ES256"}"#, r#"{"sub":"alice"}"#);
    assert_eq!(verify(&token, &key(Algorithm::ES256)).unwrap_err(), JwtError::Signature);
}

#[test]
fn rfc8725_3_1_the_key_chooses_the_algorithm() {
    let rsa = key(Algorithm::RS256);
    let jwk = bytes_of(&{
        let mut jwk = jwk_of(&rsa);
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    });
    let token = rsa.sign("JWT", &json!({"sub": "alice"})).unwrap();
    let token = Unverified::parse(token.expose()).unwrap();
    let same_key_for_ps256 = VerificationKey::from_jwk(&jwk, Algorithm::PS256).unwrap();
    assert_eq!(token.verify::<Claims>(&same_key_for_ps256, JWT).unwrap_err(), JwtError::KeyAlgorithm);
    let set = KeySet::parse(&bytes_of(&json!({"keys": [serde_json::from_slice::<Value>(&jwk).unwrap()]}))).unwrap();
    assert_eq!(set.verify::<Claims>(&token, Algorithm::PS256, JWT).unwrap_err(), JwtError::KeyAlgorithm);
    assert!(set.verify::<Claims>(&token, Algorithm::RS256, JWT).is_ok());
    // Not an unknown key: nobody should go and look for a newer key set.
    let only_rs256: KeySet = [rsa.verification_key().clone()].into_iter().collect();
    assert_eq!(only_rs256.verify::<Claims>(&token, Algorithm::PS256, JWT).unwrap_err(), JwtError::KeyAlgorithm);
}

#[test]
fn rfc8725_3_1_none_and_hmac_are_no_algorithms() {
    let key = key(Algorithm::ES256);
    let payload = base64url(r#"{"sub":"alice"}"#);
    for alg in
        ["none", "None", "NONE", "", "HS256", "HS512", "RS384", "ES256K", "es256", "RSA1_5", "PBES2-HS256+A128KW"]
    {
        let header = base64url(format!(r#"{{"alg":"{alg}"}}"#));
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(Unverified::parse(&token).unwrap_err(), JwtError::Algorithm, "{alg}");
        }
    }
    // HMAC keyed with each public form of the key, signed as HS256 and as ES256.
    let public = bytes_of(&jwk_of(&key));
    let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &public);
    for (alg, error) in [("HS256", JwtError::Algorithm), ("ES256", JwtError::Signature)] {
        let input = format!("{}.{payload}", base64url(format!(r#"{{"alg":"{alg}"}}"#)));
        let token = format!("{input}.{}", base64url(ring::hmac::sign(&hmac, input.as_bytes())));
        assert_eq!(verify(&token, &key).unwrap_err(), error);
    }
    for header in [r#"{"alg":7}"#, r#"{"alg":["ES256"]}"#, r#"{"alg":null}"#, "{}"] {
        assert_eq!(verify(&token(&key, header, r#"{"sub":"alice"}"#), &key).unwrap_err(), JwtError::Header);
    }
}

#[test]
fn rfc7515_4_1_3_a_key_in_the_token_is_not_believed() {
    let attacker = key(Algorithm::ES256);
    let header = json!({"alg": "ES256", "jwk": jwk_of(&attacker), "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x5u", "x5c": ["AAAA"], "kid": "../../etc/passwd' OR 1=1"});
    let token = token(&attacker, &header.to_string(), r#"{"sub":"alice"}"#);
    let ours = key(Algorithm::ES256);
    assert_eq!(verify(&token, &ours).unwrap_err(), JwtError::Signature);
    let set: KeySet = [ours.verification_key().clone()].into_iter().collect();
    let token = Unverified::parse(&token).unwrap();
    assert_eq!(set.verify::<Claims>(&token, Algorithm::ES256, JWT).unwrap_err(), JwtError::UnknownKey);
}
