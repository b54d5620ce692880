use base64::engine::general_purpose::URL_SAFE;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

const JWT: AcceptedTyp = AcceptedTyp::AbsentOr(&["JWT"]);

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: Option<NumericDate>,
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().0
}

/// A token whose header and payload are exactly these bytes, rightly signed.
fn token(key: &SigningKey, header: &str, payload: &str) -> String {
    key.sign_parts(header.as_bytes(), payload.as_bytes()).unwrap().expose().clone()
}

fn verify(token: &str, key: &SigningKey) -> Result<Verified<Claims>, JwtError> {
    Unverified::parse(token)?.verify(key.verification_key(), JWT)
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn jwk_of(key: &SigningKey) -> Value {
    serde_json::to_value(key.public_jwk()).unwrap()
}

fn bytes_of(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

// ---- signing and verifying

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

// ---- algorithms

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

// ---- the header

#[test]
fn rfc7515_4_1_11_every_extension_is_refused() {
    let key = key(Algorithm::ES256);
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":"exp""#,
        r#""crit":null"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""zip":"DEF""#,
        r#""enc":"A256GCM""#,
    ] {
        let token = token(&key, &format!(r#"{{"alg":"ES256",{member}}}"#), r#"{"sub":"alice"}"#);
        assert_eq!(verify(&token, &key).unwrap_err(), JwtError::Extension, "{member}");
    }
    // Another application's parameter of a similar name is merely unknown.
    assert!(verify(&token(&key, r#"{"alg":"ES256","critical":["x"]}"#, r#"{"sub":"alice"}"#), &key).is_ok());
}

#[test]
fn rfc7515_4_repeated_members_are_refused() {
    let key = key(Algorithm::ES256);
    let payload = r#"{"sub":"alice"}"#;
    for header in [
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"ES256","\u0061lg":"none"}"#,
        r#"{"alg":"ES256","kid":"a","kid":"b"}"#,
        r#"{"alg":"ES256","x":1,"x":1}"#,
    ] {
        assert_eq!(verify(&token(&key, header, payload), &key).unwrap_err(), JwtError::Header, "{header}");
    }
    for payload in [
        r#"{"sub":"alice","sub":"bob"}"#,
        r#"{"sub":"alice","s\u0075b":"bob"}"#,
        r#"{"sub":"alice","act":{"sub":"a","sub":"b"}}"#,
        r#"{"sub":"alice","list":[{"a":1},{"a":1,"b":2,"a":3}]}"#,
        "[]",
        "\"alice\"",
        "null",
        "",
        r#"{"sub":"alice"}{}"#,
        r#"{"sub":"alice"} x"#,
        "{\"sub\":\"\u{0}\"}",
        r#"{"sub":"\ud800"}"#,
        r#"{"sub":"alice","n":1e999}"#,
    ] {
        assert_eq!(
            verify(&token(&key, r#"{"alg":"ES256"}"#, payload), &key).unwrap_err(),
            JwtError::Payload,
            "{payload}"
        );
    }
    // Among many members too, wherever the two are.
    let many: Vec<String> = (0..100).map(|n| format!(r#""m{n}":0"#)).collect();
    let sign = |payload: String| token(&key, r#"{"alg":"ES256"}"#, &payload);
    assert!(verify(&sign(format!(r#"{{"sub":"alice",{}}}"#, many.join(","))), &key).is_ok());
    for repeated in ["m0", "m14", "m15", "m16", "m17", "m99"] {
        let payload = format!(r#"{{"sub":"alice",{},"{repeated}":1}}"#, many.join(","));
        assert_eq!(verify(&sign(payload), &key).unwrap_err(), JwtError::Payload, "{repeated}");
    }
    let not_utf8 = key.sign_parts(br#"{"alg":"ES256"}"#, b"{\"sub\":\"\xff\"}").unwrap();
    assert_eq!(verify(not_utf8.expose(), &key).unwrap_err(), JwtError::Payload);
    let deep = format!(r#"{{"sub":"alice","a":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert_eq!(verify(&token(&key, r#"{"alg":"ES256"}"#, &deep), &key).unwrap_err(), JwtError::Payload);
}

#[test]
fn rfc8725_3_11_the_type_must_fit() {
    let key = key(Algorithm::ES256);
    let with = |typ: &str, accepted| {
        let header =
            if typ.is_empty() { r#"{"alg":"ES256"}"#.into() } else { format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#) };
        let token = token(&key, &header, r#"{"sub":"alice"}"#);
        Unverified::parse(&token).unwrap().verify::<Claims>(key.verification_key(), accepted).map(|_| ())
    };
    let access = AcceptedTyp::Exactly("at+jwt");
    assert_eq!(with("at+jwt", access), Ok(()));
    assert_eq!(with("application/AT+JWT", access), Ok(()));
    for typ in ["", "JWT", "at+jwt ", "text/at+jwt", "xat+jwt", "application/", "é"] {
        assert_eq!(with(typ, access), Err(JwtError::Typ), "{typ}");
    }
    assert_eq!(with("", JWT), Ok(()));
    assert_eq!(with("jwt", JWT), Ok(()));
    assert_eq!(with("at+jwt", JWT), Err(JwtError::Typ));
}

// ---- shape and size

#[test]
fn only_the_compact_serialisation_is_read() {
    let key = key(Algorithm::ES256);
    let good = token(&key, r#"{"alg":"ES256"}"#, r#"{"sub":"alice"}"#);
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    assert_eq!(Unverified::parse(&json).unwrap_err(), JwtError::NotCompact);
    let json = json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}).to_string();
    assert_eq!(Unverified::parse(&json).unwrap_err(), JwtError::NotCompact);
    for token in ["", ".", "a.b", "a.b.c.d", "a.b.c.d.e.f"] {
        assert_eq!(Unverified::parse(token).unwrap_err(), JwtError::NotCompact, "{token}");
    }
}

#[test]
fn base64url_has_one_spelling() {
    let key = key(Algorithm::ES256);
    let good = token(&key, r#"{"alg":"ES256"}"#, r#"{"sub":"alice"}"#);
    let parts: Vec<&str> = good.split('.').collect();
    let padded = URL_SAFE.encode(r#"{"sub":"alice"}"#);
    assert!(padded.len().is_multiple_of(4));
    for token in [
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!("{}.{} .{}", parts[0], parts[1], parts[2]),
        format!("{}.{}\n.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}==", parts[0], parts[1], parts[2]),
        format!(" {good}"),
        format!("{good}\n"),
        format!("é{good}"),
    ] {
        assert_eq!(verify(&token, &key).unwrap_err(), JwtError::Base64, "{token}");
    }
    // The last character of 64 bytes carries four bits that must be zero.
    let (rest, last) = parts[2].split_at(parts[2].len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let other = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    assert_eq!(verify(&format!("{}.{}.{rest}{other}", parts[0], parts[1]), &key).unwrap_err(), JwtError::Base64);
}

#[test]
fn large_and_strange_tokens_are_refused_before_any_work() {
    let key = key(Algorithm::ES256);
    let zipped = base64url(r#"{"alg":"ECDH-ES","enc":"A256GCM","zip":"DEF"}"#);
    let bomb = format!("{zipped}..{}.{}.{}", base64url([0; 12]), base64url([0; 9000]), base64url([0; 16]));
    let pbes2 = base64url(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000,"p2s":"AAAA"}"#);
    let encrypted = format!("{pbes2}.AAAA.AAAA.AAAA.AAAA");
    let header = base64url(format!(r#"{{"alg":"ES256","x":"{}"}}"#, "a".repeat(4000)));
    let long_header = format!("{header}.{}.AAAA", base64url("{}"));
    let payload = format!(r#"{{"sub":"alice","pad":"{}"}}"#, "a".repeat(13_000));
    for (token, error) in [
        (".".repeat(50_000), JwtError::TooLong),
        (".".repeat(10_000), JwtError::NotCompact),
        ("a".repeat(10_000_000), JwtError::TooLong),
        (token(&key, r#"{"alg":"ES256"}"#, &payload), JwtError::TooLong),
        (bomb, JwtError::Encrypted),
        (encrypted, JwtError::Encrypted),
        (long_header, JwtError::TooLong),
    ] {
        let started = std::time::Instant::now();
        assert_eq!(Unverified::parse(&token).unwrap_err(), error);
        assert!(started.elapsed() < std::time::Duration::from_millis(20), "{error}");
    }
    let good = token(&key, r#"{"alg":"ES256"}"#, r#"{"sub":"alice"}"#);
    assert_eq!(Unverified::parse_within(&good, good.len() - 1).unwrap_err(), JwtError::TooLong);
    assert!(Unverified::parse_within(&good, good.len()).is_ok());
}

// ---- dates

#[test]
fn rfc7519_2_dates_out_of_range_are_refused_and_never_panic() {
    let key = key(Algorithm::ES256);
    for exp in [
        "1e300",
        "-1",
        "18446744073709551615",
        "1e19",
        "4102444801",
        "\"1800000000\"",
        "true",
        "[1]",
        "-0.5",
        "1e-400000",
    ] {
        let token = token(&key, r#"{"alg":"ES256"}"#, &format!(r#"{{"sub":"alice","exp":{exp}}}"#));
        assert!(
            matches!(verify(&token, &key), Err(JwtError::Claims | JwtError::Payload)) || exp == "1e-400000",
            "{exp}"
        );
    }
    for (exp, millis) in [
        ("0", 0),
        ("1800000000", 1_800_000_000_000),
        ("1.5", 1500),
        ("1.8e9", 1_800_000_000_000),
        ("4102444800", 4_102_444_800_000),
    ] {
        let token = token(&key, r#"{"alg":"ES256"}"#, &format!(r#"{{"sub":"alice","exp":{exp}}}"#));
        assert_eq!(verify(&token, &key).unwrap().claims().exp.unwrap().timestamp().millis(), millis);
    }
    assert_eq!(serde_json::to_string(&NumericDate::from(crate::clock::Timestamp::from_millis(1999))).unwrap(), "1");
}

// ---- before the signature

#[test]
fn only_the_party_can_be_seen_before_the_signature() {
    let key = key(Algorithm::ES256);
    let token = token(&key, r#"{"alg":"ES256"}"#, r#"{"iss":"sh\u006fp","sub":"shop","exp":1}"#);
    let unverified = Unverified::parse(&token).unwrap();
    let party = unverified.untrusted_party().unwrap();
    assert_eq!((party.iss.as_deref(), party.sub.as_deref()), (Some("shop"), Some("shop")));
    let nobody = self::token(&key, r#"{"alg":"ES256"}"#, "{}");
    assert!(Unverified::parse(&nobody).unwrap().untrusted_party().unwrap().iss.is_none());
    let strange = self::token(&key, r#"{"alg":"ES256"}"#, r#"{"iss":7}"#);
    assert_eq!(Unverified::parse(&strange).unwrap().untrusted_party().unwrap_err(), JwtError::Claims);
}

// ---- keys

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

// ---- keys in tokens

const PROOF: &str = "nod-proof+jwt";

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

// ---- anything at all

/// Things that look like tokens, so that the deeper layers are reached too.
fn nearly_a_token() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        Just(r#""alg":"ES256""#.to_owned()),
        Just(r#""alg":"RS256""#.to_owned()),
        Just(r#""kid":"a""#.to_owned()),
        Just(r#""typ":"JWT""#.to_owned()),
        Just(r#""jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_owned()),
        "\"[a-z]{1,4}\":(-?[0-9]{1,30}|[0-9]e[0-9]{1,4}|null|\\[\\]|\\{\\}|\"[^\"\\\\]{0,8}\")",
    ];
    let object = prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")));
    let part = prop_oneof![
        3 => object.prop_map(base64url),
        1 => any::<Vec<u8>>().prop_map(base64url),
        1 => ".{0,20}",
    ];
    prop::collection::vec(part, 0..7).prop_map(|parts| parts.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_token_makes_us_panic(token in prop_oneof![nearly_a_token(), any::<String>()]) {
        static KEY: std::sync::OnceLock<SigningKey> = std::sync::OnceLock::new();
        let key = KEY.get_or_init(|| key(Algorithm::ES256));
        if let Ok(unverified) = Unverified::parse(&token) {
            let _ = unverified.untrusted_party();
            prop_assert!(unverified.verify::<Claims>(key.verification_key(), JWT).is_err());
        }
        if let Ok(proof) = EmbeddedKeyProof::parse(&token, PROOF, 4096) {
            let _ = proof.verification_key();
        }
    }

    #[test]
    fn no_payload_makes_us_panic(payload in prop_oneof![
        any::<Vec<u8>>(),
        "\\{\"(sub|exp|iat)\":(-?[0-9]{1,40}(\\.[0-9]{1,9})?(e-?[0-9]{1,5})?|\"[^\"]{0,9}\")\\}".prop_map(String::into_bytes),
    ]) {
        static KEY: std::sync::OnceLock<SigningKey> = std::sync::OnceLock::new();
        let key = KEY.get_or_init(|| key(Algorithm::ES256));
        let token = key.sign_parts(br#"{"alg":"ES256"}"#, &payload).unwrap();
        let _ = verify(token.expose(), key);
    }

    #[test]
    fn no_key_set_makes_us_panic(
        bytes in any::<Vec<u8>>(),
        kty in "EC|RSA|OKP|oct|[A-Z]{2}",
        crv in "P-256|Ed25519|P-384",
        x in "[A-Za-z0-9_=-]{0,90}",
        e in "[A-Za-z0-9_-]{0,12}",
    ) {
        let _ = KeySet::parse(&bytes);
        let document = json!({"keys": [{"kty": kty, "crv": crv, "x": x, "y": x, "n": x.repeat(8), "e": e}]});
        let set = KeySet::parse(&bytes_of(&document)).unwrap();
        prop_assert!(set.keys().len() <= 2);
    }
}
