//! What is no token is refused before any work.

use super::*;

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
