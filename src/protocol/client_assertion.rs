//! `private_key_jwt`: a client proves itself by a token it signed [RFC 7523 §3, OIDCC §9].
//!
//! Pure: the signature is checked before ([`Verified`]), and that the `jti` is new is checked
//! after, by whoever stores it.

use std::time::Duration;

use serde::Deserialize;

use super::error::Refusal;
use super::id::ClientId;
use super::jwt::{AcceptedTyp, Audience, NumericDate, Verified};
use crate::clock::Timestamp;

/// `client_assertion_type` [RFC 7523 §2.2].
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Assertions are older than explicit typing; the second name is that of the RFC 7523 revision.
/// What names another type, an ID token or a request object say, is no assertion.
pub const ASSERTION_TYP: AcceptedTyp = AcceptedTyp::AbsentOr(&["JWT", "client-authentication+jwt"]);

/// The claims of an assertion. All optional here, so that the rule below says which one is missing.
#[derive(Debug, Deserialize)]
pub struct ClientAssertion {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: Option<String>,
}

/// How far an assertion may be from now. The defaults suit all profiles we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// The furthest `exp` ahead: the time for which a `jti` must be remembered.
    pub max_lifetime: Duration,
    /// How long after `exp` it is still accepted.
    pub late: Duration,
    /// How far `iat` and `nbf` may lie ahead [FAPI2 SP §5.3.2.1 asks for 10 s, forbids over 60 s].
    pub early: Duration,
    /// How old `iat` may be.
    pub max_age: Duration,
}

impl Tolerance {
    pub const DEFAULT: Self = Self {
        max_lifetime: Duration::from_mins(5),
        late: Duration::from_secs(5),
        early: Duration::from_secs(30),
        max_age: Duration::from_hours(1),
    };
}

/// An assertion that authenticates its client, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedAssertion {
    pub jti: String,
    /// The last moment at which the same assertion could be accepted again: its `jti` must be
    /// remembered until then. Both follow from the same tolerance and must stay in step.
    pub replay_until: Timestamp,
}

/// The names that we accept for ourselves.
#[derive(Clone, Copy, Debug)]
pub enum OurNames<'a> {
    /// For CIBA the issuer, the token endpoint and the backchannel authentication endpoint [CIBA §7.1].
    AnyOf(&'a [String]),
    /// [FAPI 2 §5.3.2.1] the issuer, "as a string": for another server it is not, too.
    Alone(&'a str),
}

impl OurNames<'_> {
    pub fn are_in(&self, aud: &Audience) -> bool {
        match self {
            Self::AnyOf(names) => names.iter().any(|name| aud.contains(name)),
            Self::Alone(name) => aud.is(name),
        }
    }
}

pub fn accept(
    assertion: &Verified<ClientAssertion>,
    client_id: &ClientId,
    names: OurNames<'_>,
    tolerance: &Tolerance,
    now: Timestamp,
) -> Result<AcceptedAssertion, Refusal> {
    let claims = assertion.claims();
    let refused = |detail: &'static str| Err(Refusal::invalid_client(detail));

    // [RFC 7523 §3] 1, 2: issuer and subject are the client itself.
    if claims.iss.as_deref() != Some(client_id.as_str()) {
        return refused("assertion: iss is not the client_id");
    }
    if claims.sub.as_deref() != Some(client_id.as_str()) {
        return refused("assertion: sub is not the client_id");
    }
    // [RFC 7523 §3] 3: an assertion for another server must not work here.
    match &claims.aud {
        Some(aud) if names.are_in(aud) => {}
        Some(_) | None => return refused("assertion: aud does not name this server"),
    }
    // [RFC 7523 §3] 4: short-lived, so that remembering its jti stays affordable.
    let Some(exp) = claims.exp.map(NumericDate::timestamp) else {
        return refused("assertion: exp is missing");
    };
    let replay_until = exp + tolerance.late;
    if replay_until <= now {
        return refused("assertion: expired");
    }
    if exp > now + tolerance.max_lifetime {
        return refused("assertion: exp is too far in the future");
    }
    // [RFC 7523 §3] 5, 6
    if claims.nbf.is_some_and(|nbf| nbf.timestamp() > now + tolerance.early) {
        return refused("assertion: nbf is in the future");
    }
    if let Some(iat) = claims.iat.map(NumericDate::timestamp) {
        if iat > now + tolerance.early {
            return refused("assertion: iat is in the future");
        }
        if iat + tolerance.max_age < now {
            return refused("assertion: iat is too long ago");
        }
    }
    // [OIDCC §9] jti is required, where RFC 7523 leaves it open.
    match &claims.jti {
        Some(jti) if (1..=256).contains(&jti.len()) => Ok(AcceptedAssertion { jti: jti.clone(), replay_until }),
        Some(_) => refused("assertion: jti must have 1 to 256 bytes"),
        None => refused("assertion: jti is missing"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::error::ErrorCode;
    use crate::protocol::jwt::{Algorithm, SigningKey, Unverified};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const ISSUER: &str = "https://op.example";
    const AUDIENCES: [&str; 3] = [ISSUER, "https://op.example/as/token.oauth2", "https://op.example/as/bc-auth.ciba"];

    fn judged(assertion: &Verified<ClientAssertion>, now: Timestamp) -> Result<AcceptedAssertion, Refusal> {
        let names = AUDIENCES.map(str::to_owned);
        accept(assertion, &shop(), OurNames::AnyOf(&names), &Tolerance::DEFAULT, now)
    }

    fn shop() -> ClientId {
        ClientId::parse("shop").unwrap()
    }

    /// A good assertion with some claims replaced; `null` removes one.
    fn assertion(change: &Value) -> Verified<ClientAssertion> {
        let now = NOW.seconds();
        let mut claims =
            json!({"iss": "shop", "sub": "shop", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": "one"});
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let token = key.sign("JWT", &claims).unwrap();
        Unverified::parse(token.expose()).unwrap().verify(key.verification_key(), ASSERTION_TYP).unwrap()
    }

    #[track_caller]
    fn accepted(change: &Value) -> AcceptedAssertion {
        judged(&assertion(change), NOW).unwrap()
    }

    #[track_caller]
    fn refused(change: &Value) -> String {
        let refusal = judged(&assertion(change), NOW).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidClient);
        assert_eq!(refusal.description, "Client authentication failed.", "one text for all");
        refusal.detail.into_owned()
    }

    #[test]
    fn rfc7523_3_an_assertion_authenticates_its_client() {
        let accepted = accepted(&json!({}));
        assert_eq!(accepted, AcceptedAssertion { jti: "one".into(), replay_until: NOW + Duration::from_secs(65) });
    }

    #[test]
    fn rfc7523_3_1_issuer_and_subject_are_the_client() {
        assert!(refused(&json!({"iss": "other"})).contains("iss"));
        assert!(refused(&json!({"iss": null})).contains("iss"));
        assert!(refused(&json!({"sub": "other"})).contains("sub"));
        assert!(refused(&json!({"sub": null})).contains("sub"));
        assert!(refused(&json!({"iss": "Shop", "sub": "Shop"})).contains("iss"));
        assert!(refused(&json!({"iss": "shop ", "sub": "shop "})).contains("iss"));
    }

    #[test]
    fn rfc7523_3_3_the_audience_is_one_of_our_names_alone_or_in_a_list() {
        for audience in AUDIENCES {
            accepted(&json!({"aud": audience}));
            accepted(&json!({"aud": ["https://elsewhere.example", audience]}));
        }
        for wrong in [json!("https://op.example/"), json!("https://OP.example"), json!(["x"]), json!([]), Value::Null] {
            assert!(refused(&json!({ "aud": wrong })).contains("aud"));
        }
    }

    #[test]
    fn fapi2_5_3_2_1_the_audience_is_the_issuer_as_one_text() {
        let alone = |aud: Value| {
            let assertion = assertion(&json!({ "aud": aud }));
            accept(&assertion, &shop(), OurNames::Alone(ISSUER), &Tolerance::DEFAULT, NOW)
        };
        assert!(alone(json!(ISSUER)).is_ok());
        for wrong in
            [json!([ISSUER]), json!([ISSUER, "x"]), json!(AUDIENCES[1]), json!("https://op.example/"), Value::Null]
        {
            assert!(alone(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rfc7523_3_4_it_expires_soon_and_has_not_expired() {
        let now = NOW.seconds();
        assert!(refused(&json!({"exp": null})).contains("missing"));
        assert!(refused(&json!({"exp": now - 5})).contains("expired"));
        accepted(&json!({"exp": now - 4}));
        accepted(&json!({"exp": now + 300}));
        assert!(refused(&json!({"exp": now + 301})).contains("too far"));
        accepted(&json!({"exp": 1_800_000_060.5}));
    }

    #[test]
    fn rfc7523_3_5_it_is_not_from_the_future() {
        let now = NOW.seconds();
        accepted(&json!({"nbf": now + 30, "iat": now + 30}));
        assert!(refused(&json!({"nbf": now + 31})).contains("nbf"));
        assert!(refused(&json!({"iat": now + 31})).contains("iat"));
    }

    #[test]
    fn rfc7523_3_6_it_was_not_issued_long_ago() {
        let now = NOW.seconds();
        accepted(&json!({"iat": null}));
        accepted(&json!({"iat": now - 3600}));
        assert!(refused(&json!({"iat": now - 3601})).contains("iat"));
    }

    #[test]
    fn rfc7523_3_7_it_has_an_identifier() {
        assert!(refused(&json!({"jti": null})).contains("jti"));
        assert!(refused(&json!({"jti": ""})).contains("jti"));
        assert!(refused(&json!({"jti": "x".repeat(257)})).contains("jti"));
        accepted(&json!({"jti": "x".repeat(256)}));
    }

    #[test]
    fn rfc7523_3_the_record_of_a_jti_outlives_the_assertion() {
        let assertion = assertion(&json!({}));
        let at = |now| judged(&assertion, now);
        let until = at(NOW).unwrap().replay_until;
        assert!(at(until - Duration::from_millis(1)).is_ok(), "still good, still remembered");
        assert!(at(until).is_err(), "forgotten, no longer good");
    }

    #[test]
    fn rfc7523_3_claims_of_a_wrong_type_are_refused_with_the_signature_right() {
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        for (name, value) in [
            ("exp", json!("1800000060")),
            ("exp", json!(1e300)),
            ("exp", json!(u64::MAX)),
            ("nbf", json!(-1)),
            ("iat", json!([1])),
            ("iss", json!(7)),
            ("aud", json!({"a": 1})),
            ("aud", json!([7])),
            ("jti", json!(7)),
        ] {
            let mut claims = json!({"iss": "shop", "sub": "shop", "aud": ISSUER, "exp": 1_800_000_060, "jti": "one"});
            claims[name] = value;
            let token = key.sign("JWT", &claims).unwrap();
            let token = Unverified::parse(token.expose()).unwrap();
            assert!(token.verify::<ClientAssertion>(key.verification_key(), ASSERTION_TYP).is_err(), "{claims}");
        }
    }

    #[test]
    fn rfc8725_3_11_tokens_of_other_kinds_are_no_assertions() {
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        for typ in ["at+jwt", "logout+jwt", "oauth-authz-req+jwt", "nod-proof+jwt", "dpop+jwt"] {
            let token = key.sign(typ, &json!({})).unwrap();
            let token = Unverified::parse(token.expose()).unwrap();
            assert!(token.verify::<ClientAssertion>(key.verification_key(), ASSERTION_TYP).is_err(), "{typ}");
        }
        for typ in ["JWT", "jwt", "application/JWT", "client-authentication+jwt"] {
            let token = key.sign(typ, &json!({})).unwrap();
            let token = Unverified::parse(token.expose()).unwrap();
            assert!(token.verify::<ClientAssertion>(key.verification_key(), ASSERTION_TYP).is_ok(), "{typ}");
        }
    }
}
