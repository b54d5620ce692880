//! A `login_hint_token` [CIBA §7.1]: a JWT in which the client, or somebody whom the operator trusts, says whom to ask.
//!
//! Pure: the signature is checked before ([`Verified`]), and that its `jti` is new is checked after, by whoever stores it.

use serde::Deserialize;
use serde_json::Value;

use super::client_assertion::OurNames;
use super::error::{ErrorCode, Refusal};
use super::id::ClientId;
use super::jwt::{AcceptedTyp, Audience, Dates, NumericDate, Untimely, Verified};
use crate::clock::Timestamp;

/// [RFC 8725 §3.11] a name of its own, which has to be there: the same keys sign assertions and request objects, and
/// neither passes for the other.
pub const TYP: AcceptedTyp = AcceptedTyp::Exactly("login-hint+jwt");

/// As long as the parameter.
pub const MAX_BYTES: usize = 4000;

/// All optional here, so that the rules below say what is missing.
#[derive(Deserialize)]
pub struct LoginHintToken {
    iss: Option<String>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: Option<String>,
    client_id: Option<String>,
    sub: Option<String>,
    sub_id: Option<Value>,
}

/// Whom it names is nobody's affair in a log.
impl std::fmt::Debug for LoginHintToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginHintToken")
    }
}

/// How a person is named.
#[derive(Clone, PartialEq, Eq)]
pub enum Named {
    /// As this client is told who they are: `sub`.
    Subject(String),
    /// By what a `login_hint` would be.
    Username(String),
    Email(String),
    /// In a way in which nobody is known here.
    Otherwise(String),
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Named")
    }
}

/// A token that is heard once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    pub issuer: String,
    pub jti: String,
    /// It could come again until then.
    pub until: Timestamp,
}

/// Whom somebody named for us, now.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    pub person: Named,
    pub once: Option<Once>,
}

pub fn refused(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::invalid_request("login_hint_token is not acceptable.").because(detail)
}

/// For this client, of this server: `issuer` is its name, and `names` are those that it goes by as an audience.
pub fn accept(
    token: Verified<LoginHintToken>,
    client: &ClientId,
    (issuer, names): (&str, OurNames<'_>),
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    let LoginHintToken { iss, aud, exp, nbf, iat, jti, client_id, sub, sub_id } = token.into_claims();
    let Some(iss) = iss else { return Err(refused("iss is missing")) };
    // [security.md case 54] what was signed for one client is no other one's. Its own signature says that it is its own.
    match client_id {
        Some(id) if id == client.as_str() => {}
        None if iss == client.as_str() => {}
        Some(_) => return Err(refused("client_id is another one")),
        None => return Err(refused("client_id is missing: whoever is not the client says for which client it is")),
    }
    if !aud.is_some_and(|aud| names.are_in(&aud)) {
        return Err(refused("aud does not name this server"));
    }
    let until = Dates { exp, nbf, iat }.good_until(now).map_err(|untimely| match untimely {
        Untimely::Expired => Refusal::new(ErrorCode::ExpiredLoginHintToken, "The login_hint_token has expired."),
        Untimely::NoEnd | Untimely::Early | Untimely::TooLong => refused(untimely.to_string()),
    })?;
    let person = match (sub, sub_id) {
        (Some(subject), None) => Named::Subject(subject),
        (None, Some(id)) => named(&id, issuer).ok_or_else(|| refused("sub_id is no subject identifier"))?,
        (Some(_), Some(_)) => return Err(refused("sub and sub_id: one of them names the person")),
        (None, None) => return Err(refused("sub is missing, and so is sub_id")),
    };
    let once = match jti {
        None => None,
        Some(jti) if (1..=256).contains(&jti.len()) => Some(Once { issuer: iss, jti, until }),
        Some(_) => return Err(refused("jti must have 1 to 256 bytes")),
    };
    Ok(Accepted { person, once })
}

/// A subject identifier [RFC 9493 §3.2]. `None`: it is none.
fn named(id: &Value, issuer: &str) -> Option<Named> {
    let member = |name: &str| Some(id.get(name)?.as_str()?.to_owned());
    Some(match member("format")?.as_str() {
        "iss_sub" if member("iss")? == issuer => Named::Subject(member("sub")?),
        // "No semantics asserted beyond its usage as an identifier": here, that is the username.
        "opaque" => Named::Username(member("id")?),
        "email" => Named::Email(member("email")?),
        // Nobody has a phone number here, or an account elsewhere.
        _ => Named::Otherwise(id.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::protocol::client_assertion::{ASSERTION_TYP, ClientAssertion};
    use crate::protocol::jwt::{Algorithm, JwtError, SigningKey, Unverified};
    use crate::protocol::request_object::{self, RequestObject};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const ISSUER: &str = "https://op.example";

    /// A good token of the client with some claims replaced; `null` removes one.
    fn read(change: &Value) -> Result<Accepted, Refusal> {
        let now = NOW.seconds();
        let mut claims = json!({"iss": "shop", "aud": ISSUER, "exp": now + 60, "sub": "alice"});
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let token = key.sign("login-hint+jwt", &claims).unwrap();
        let token = Unverified::parse(token.expose()).unwrap().verify(key.verification_key(), TYP).unwrap();
        let names = [ISSUER.to_owned(), "https://op.example/as/bc-auth.ciba".to_owned()];
        accept(token, &ClientId::parse("shop").unwrap(), (ISSUER, OurNames::AnyOf(&names)), NOW)
    }

    #[track_caller]
    fn person(change: &Value) -> Named {
        read(change).unwrap().person
    }

    #[track_caller]
    fn because(change: &Value) -> String {
        let refusal = read(change).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidRequest, "{change}");
        refusal.detail.into_owned()
    }

    #[test]
    fn ciba_7_1_it_says_whom_to_ask() {
        let subject = Named::Subject("alice".to_owned());
        assert_eq!(read(&json!({})).unwrap(), Accepted { person: subject.clone(), once: None });
        for audience in [json!(["x", ISSUER]), json!("https://op.example/as/bc-auth.ciba")] {
            assert_eq!(person(&json!({ "aud": audience })), subject);
        }
        let id = |id: Value| person(&json!({"sub": null, "sub_id": id}));
        assert_eq!(id(json!({"format": "iss_sub", "iss": ISSUER, "sub": "alice"})), subject);
        assert_eq!(id(json!({"format": "opaque", "id": "alice"})), Named::Username("alice".to_owned()));
        assert_eq!(id(json!({"format": "email", "email": "a@b.example"})), Named::Email("a@b.example".to_owned()));
        for other in [
            json!({"format": "iss_sub", "iss": "https://other.example", "sub": "alice"}),
            json!({"format": "phone_number", "phone_number": "+12065550100"}),
            json!({"format": "account", "uri": "acct:alice@op.example"}),
        ] {
            assert!(matches!(id(other), Named::Otherwise(_)));
        }
    }

    #[test]
    fn security_54_it_is_of_somebody_who_may_for_this_client_and_this_server() {
        assert!(because(&json!({"iss": null})).contains("iss"));
        assert!(because(&json!({"client_id": "bank"})).contains("client_id"));
        assert!(because(&json!({"iss": "https://hr.example"})).contains("client_id"));
        assert!(because(&json!({"iss": "https://hr.example", "client_id": "bank"})).contains("client_id"));
        assert!(read(&json!({"iss": "https://hr.example", "client_id": "shop"})).is_ok());
        assert!(read(&json!({"client_id": "shop"})).is_ok());
        for aud in [Value::Null, json!("https://other.example"), json!("https://op.example/"), json!([])] {
            assert!(because(&json!({ "aud": aud })).contains("aud"));
        }
        // What it says besides is looked at afterwards.
        assert!(because(&json!({"aud": "https://other.example", "exp": 1})).contains("aud"));
    }

    #[test]
    fn ciba_13_it_is_of_now() {
        let now = NOW.seconds();
        for exp in [1, now - 60, now - 5] {
            assert_eq!(read(&json!({ "exp": exp })).unwrap_err().code, ErrorCode::ExpiredLoginHintToken);
        }
        assert!(read(&json!({"exp": now - 4})).is_ok());
        assert!(because(&json!({"exp": null})).contains("exp"));
        assert!(because(&json!({"nbf": now + 31})).contains("future"));
        assert!(because(&json!({"iat": now + 31})).contains("future"));
        assert!(because(&json!({"exp": now + 3601})).contains("hour"));
        assert!(read(&json!({"exp": now + 3600, "iat": now + 30, "nbf": now})).is_ok());
    }

    #[test]
    fn it_names_one_person_and_is_heard_once_if_it_says_so() {
        assert!(because(&json!({"sub": null})).contains("missing"));
        assert!(because(&json!({"sub_id": {"format": "opaque", "id": "bob"}})).contains("one of them"));
        for id in [
            json!("alice"),
            json!({}),
            json!({"format": "opaque"}),
            json!({"format": "email", "email": 1}),
            json!({"format": "iss_sub", "sub": "alice"}),
            json!({"format": ["opaque"], "id": "alice"}),
        ] {
            assert!(because(&json!({"sub": null, "sub_id": id})).contains("sub_id"));
        }
        let once = Once { issuer: "shop".to_owned(), jti: "one".to_owned(), until: NOW + Duration::from_secs(65) };
        assert_eq!(read(&json!({"jti": "one"})).unwrap().once, Some(once));
        for jti in [String::new(), "x".repeat(257)] {
            assert!(because(&json!({ "jti": jti })).contains("jti"));
        }
    }

    #[test]
    fn rfc8725_3_11_nothing_else_is_one_and_it_is_nothing_else() {
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let sign = |typ: &str| key.sign(typ, &json!({})).unwrap();
        for typ in ["JWT", "oauth-authz-req+jwt", "client-authentication+jwt", "at+jwt", "logout+jwt", "dpop+jwt"] {
            let token = sign(typ);
            let token = Unverified::parse(token.expose()).unwrap();
            let read = token.verify::<LoginHintToken>(key.verification_key(), TYP);
            assert_eq!(read.unwrap_err(), JwtError::Typ, "{typ}");
        }
        let token = sign("login-hint+jwt");
        let token = Unverified::parse(token.expose()).unwrap();
        assert!(token.verify::<ClientAssertion>(key.verification_key(), ASSERTION_TYP).is_err());
        assert!(token.verify::<RequestObject>(key.verification_key(), request_object::TYP).is_err());
    }
}
