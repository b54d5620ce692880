//! A request object [RFC 9101]: an authorization request that its client signed. Nobody on its way, the browser
//! least of all, can change it.
//!
//! Pure: the signature is checked before ([`Verified`]), with keys of the client.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{ErrorCode, Refusal};
use super::id::ClientId;
use super::jwt::{AcceptedTyp, Audience, Dates, NumericDate, Verified};
use super::parameters::Parameters;
use crate::clock::Timestamp;

/// [RFC 9101 §10.8] the name of its own is as old as the RFC, so an absent one will do. What names another
/// type, a client assertion or a proof say, is no request object.
pub const TYP: AcceptedTyp = AcceptedTyp::AbsentOr(&["JWT", "oauth-authz-req+jwt"]);

/// The most that one may weigh, wherever it comes from.
pub const MAX_BYTES: usize = 16_000;

/// All optional here, so that the rules below say what is missing.
#[derive(Deserialize)]
pub struct RequestObject {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: Option<String>,
    /// The parameters.
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

impl RequestObject {
    const fn dates(&self) -> Dates {
        Dates { exp: self.exp, nbf: self.nbf, iat: self.iat }
    }
}

/// What it asks for may be a secret.
impl std::fmt::Debug for RequestObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestObject")
    }
}

/// Since when an object is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// `nbf`; without it, now.
    SaidOrNow,
    /// `nbf`, which has to be there.
    Said,
}

pub fn refused(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequestObject, "The request object is not acceptable.").because(detail)
}

/// An object that a client signed for us, now.
#[derive(Debug)]
pub struct Accepted {
    /// The request that it is. [RFC 9101 §6.3] nothing else that came with it counts.
    pub request: Parameters,
    pub jti: Option<String>,
    /// Until then, it could be sent again.
    pub replay_until: Timestamp,
}

pub fn accept(
    object: Verified<RequestObject>,
    client: &ClientId,
    issuer: &str,
    since: Since,
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    let object = object.into_claims();
    // [RFC 9101 §10.8] what has the client as its subject is an assertion, by which the client
    // authenticates.
    if object.sub.as_deref() == Some(client.as_str()) {
        return Err(refused("sub is the client_id: this may be a client assertion"));
    }
    if object.iss.as_deref() != Some(client.as_str()) {
        return Err(refused("iss is not the client_id"));
    }
    // [RFC 9101 §5] the same client inside and outside.
    if object.parameters.get("client_id").and_then(Value::as_str) != Some(client.as_str()) {
        return Err(refused("client_id is missing, or another one"));
    }
    // [RFC 9101 §4] an object for another server must not work here.
    if !object.aud.as_ref().is_some_and(|aud| aud.contains(issuer)) {
        return Err(refused("aud does not name this server"));
    }
    if since == Since::Said && object.nbf.is_none() {
        return Err(refused("nbf is missing"));
    }
    let replay_until = object.dates().good_until(now).map_err(|untimely| refused(untimely.to_string()))?;
    Ok(Accepted { request: parameters(object.parameters)?, jti: object.jti, replay_until })
}

/// A signed question to a person, and by what it is known when it comes again.
#[derive(Debug)]
pub struct SignedQuestion {
    pub parameters: Parameters,
    pub jti: String,
    /// It could be accepted again until then.
    pub replay_until: Timestamp,
}

pub fn question_refused(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::invalid_request("The signed authentication request is not acceptable.").because(detail)
}

/// The question that the object is [CIBA §7.1.1]: there, every claim is required, and it is asked once.
pub fn accept_question(
    object: Verified<RequestObject>,
    client: &ClientId,
    issuer: &str,
    now: Timestamp,
) -> Result<SignedQuestion, Refusal> {
    let object = object.into_claims();
    let refused = |detail: &'static str| Err(question_refused(detail));
    if object.sub.as_deref() == Some(client.as_str()) {
        return refused("sub is the client_id: this may be a client assertion");
    }
    if object.iss.as_deref() != Some(client.as_str()) {
        return refused("iss is not the client_id");
    }
    if object.parameters.get("client_id").is_some_and(|id| id.as_str() != Some(client.as_str())) {
        return refused("client_id is another one");
    }
    if !object.aud.as_ref().is_some_and(|aud| aud.contains(issuer)) {
        return refused("aud does not name this server");
    }
    if object.iat.is_none() || object.nbf.is_none() {
        return refused("iat or nbf is missing");
    }
    let replay_until = object.dates().good_until(now).map_err(|untimely| question_refused(untimely.to_string()))?;
    let jti = match object.jti {
        Some(jti) if (1..=256).contains(&jti.len()) => jti,
        Some(_) => return refused("jti must have 1 to 256 bytes"),
        None => return refused("jti is missing"),
    };
    let parameters = parameters(object.parameters).map_err(|refusal| question_refused(refusal.detail))?;
    Ok(SignedQuestion { parameters, jti, replay_until })
}

/// Claims as the parameters that they stand for [RFC 9101 §4].
fn parameters(claims: Map<String, Value>) -> Result<Parameters, Refusal> {
    let mut pairs = Vec::with_capacity(claims.len());
    for (name, value) in claims {
        // [RFC 9101 §4] "request and request_uri parameters MUST NOT be included in Request Objects."
        if matches!(name.as_str(), "request" | "request_uri") {
            return Err(refused("a request object inside of a request object"));
        }
        match value {
            Value::String(text) => pairs.push((name, text)),
            Value::Number(number) => pairs.push((name, number.to_string())),
            Value::Bool(flag) => pairs.push((name, flag.to_string())),
            Value::Array(list) if name == "resource" => {
                for one in list {
                    let Value::String(text) = one else { return Err(refused("a resource that is no text")) };
                    pairs.push((name.clone(), text));
                }
            }
            // `claims`, `authorization_details`: the text that a plain request would have.
            structured @ (Value::Object(_) | Value::Array(_)) => pairs.push((name, structured.to_string())),
            Value::Null => {}
        }
    }
    Parameters::from_pairs(pairs).map_err(|refusal| refused(refusal.detail))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::protocol::jwt::{Algorithm, SigningKey, Unverified};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const ISSUER: &str = "https://op.example";

    /// `null` removes a claim.
    fn alter(claims: &mut Value, change: &Value) {
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
    }

    /// A good object with some claims replaced.
    fn read(change: &Value) -> Result<Parameters, Refusal> {
        let now = NOW.seconds();
        let mut claims = json!({"iss": "shop", "aud": ISSUER, "exp": now + 300, "nbf": now, "client_id": "shop",
            "scope": "openid", "response_type": "code"});
        alter(&mut claims, change);
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let token = key.sign("oauth-authz-req+jwt", &claims).unwrap();
        let object = Unverified::parse(token.expose()).unwrap().verify(key.verification_key(), TYP).unwrap();
        accept(object, &ClientId::parse("shop").unwrap(), ISSUER, Since::SaidOrNow, NOW)
            .map(|accepted| accepted.request)
    }

    #[track_caller]
    fn because(change: &Value) -> String {
        let refusal = read(change).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidRequestObject);
        refusal.detail.into_owned()
    }

    #[test]
    fn rfc9101_4_claims_are_the_parameters() {
        let claims = json!({"userinfo": {"email": null}});
        let read =
            read(&json!({"max_age": 60, "claims": claims, "resource": ["https://a.example", "https://b.example"],
            "state": "s", "jti": "one", "iat": NOW.seconds()}))
            .unwrap();
        assert_eq!(read.get("max_age"), Some("60"));
        assert_eq!(read.get("claims"), Some(claims.to_string().as_str()));
        assert_eq!(read.all("resource").collect::<Vec<_>>(), ["https://a.example", "https://b.example"]);
        assert_eq!((read.get("client_id"), read.get("state")), (Some("shop"), Some("s")));
        for own in ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"] {
            assert!(!read.contains(own), "{own}");
        }
    }

    #[test]
    fn rfc9101_4_it_is_this_clients_for_this_server_and_no_assertion() {
        assert!(because(&json!({"iss": null})).contains("iss"));
        assert!(because(&json!({"iss": "other"})).contains("iss"));
        assert!(because(&json!({"aud": null})).contains("aud"));
        assert!(because(&json!({"aud": "https://other.example"})).contains("aud"));
        assert!(because(&json!({"aud": "https://op.example/"})).contains("aud"));
        assert!(read(&json!({"aud": ["https://other.example", ISSUER]})).is_ok());
        assert!(because(&json!({"client_id": "other"})).contains("client_id"));
        assert!(because(&json!({"client_id": null})).contains("client_id"));
        assert!(because(&json!({"sub": "shop"})).contains("assertion"));
        assert!(because(&json!({"request": "x"})).contains("inside"));
        assert!(because(&json!({"request_uri": "urn:x"})).contains("inside"));
        assert!(because(&json!({"resource": [1]})).contains("resource"));
        assert!(because(&json!({"state": "x".repeat(2001)})).contains("too long"));
    }

    #[test]
    fn fapi1_advanced_5_2_2_it_is_good_for_an_hour_at_most() {
        let now = NOW.seconds();
        assert!(because(&json!({"exp": null})).contains("exp"));
        assert!(because(&json!({"exp": now - 5})).contains("expired"));
        assert!(read(&json!({"exp": now - 4, "nbf": now - 60})).is_ok());
        assert!(because(&json!({"nbf": now + 31})).contains("future"));
        assert!(because(&json!({"iat": now + 31})).contains("future"));
        assert!(read(&json!({"nbf": now + 30, "exp": now + 3630})).is_ok());
        assert!(because(&json!({"exp": now + 3601})).contains("hour"));
        assert!(because(&json!({"exp": now + 3601, "nbf": null})).contains("hour"));
        assert!(because(&json!({"exp": now + 60, "nbf": now - 3541})).contains("hour"));
    }

    #[test]
    fn ciba_7_1_1_a_signed_question_has_every_claim() {
        let now = NOW.seconds();
        let read = |change: Value| {
            let mut claims = json!({"iss": "shop", "aud": ISSUER, "exp": now + 300, "nbf": now, "iat": now, "jti": "one",
                "scope": "openid", "login_hint": "alice", "requested_expiry": 60});
            alter(&mut claims, &change);
            let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
            let token = key.sign("JWT", &claims).unwrap();
            let object = Unverified::parse(token.expose()).unwrap().verify(key.verification_key(), TYP).unwrap();
            accept_question(object, &ClientId::parse("shop").unwrap(), ISSUER, NOW)
        };
        let question = read(json!({})).unwrap();
        assert_eq!((question.jti.as_str(), question.replay_until), ("one", NOW + Duration::from_secs(305)));
        assert_eq!(question.parameters.get("requested_expiry"), Some("60"));
        assert!(read(json!({"requested_expiry": "60", "client_id": "shop", "aud": ["x", ISSUER]})).is_ok());
        for change in [
            json!({"iss": null}),
            json!({"iss": "other"}),
            json!({"aud": null}),
            json!({"aud": "https://other.example"}),
            json!({"exp": null}),
            json!({"exp": now - 5}),
            json!({"exp": now + 3601}),
            json!({"iat": null}),
            json!({"iat": now + 31}),
            json!({"nbf": null}),
            json!({"nbf": now + 31}),
            json!({"nbf": now - 3600, "exp": now + 1}),
            json!({"jti": null}),
            json!({"jti": ""}),
            json!({"sub": "shop"}),
            json!({"client_id": "other"}),
            json!({"request": "x"}),
        ] {
            assert_eq!(read(change.clone()).unwrap_err().code, ErrorCode::InvalidRequest, "{change}");
        }
    }

    #[test]
    fn rfc8725_3_11_tokens_of_other_kinds_are_no_request_objects() {
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        for typ in ["at+jwt", "logout+jwt", "client-authentication+jwt", "dpop+jwt"] {
            let token = key.sign(typ, &json!({})).unwrap();
            let token = Unverified::parse(token.expose()).unwrap();
            assert!(token.verify::<RequestObject>(key.verification_key(), TYP).is_err(), "{typ}");
        }
    }
}
