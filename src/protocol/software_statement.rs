//! Software statements [RFC 7591 §2.3]: what somebody whom the operator trusts says about a client, in a JWT. It
//! counts more than what the client says of itself.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::{ErrorCode, Refusal};
use super::jwt::{AcceptedTyp, NumericDate, Unverified, Verified};
use super::registration::Wanted;
use super::trusted_issuers::{TrustedIssuers, Untrusted};
use crate::clock::Timestamp;

const TYP: AcceptedTyp = AcceptedTyp::AbsentOr(&["JWT"]);

/// It is kept with the client, and told again.
const MAX_BYTES: usize = 8_000;

/// The claims of the statement itself; all others are members of a registration.
#[derive(Debug, Deserialize)]
struct Statement {
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    #[serde(flatten)]
    members: Map<String, Value>,
}

/// What a statement says about a client, if somebody says it who is trusted.
pub fn believe(
    trusted: &TrustedIssuers,
    statement: &str,
    allowed: &[Algorithm],
    now: Timestamp,
) -> Result<Wanted, Refusal> {
    if trusted.is_empty() {
        return Err(unapproved("Software statements are not accepted here."));
    }
    let unreadable = |error| match error {
        Untrusted::Issuer => unapproved("The issuer of the software statement is not trusted here."),
        Untrusted::Token(error) => invalid(error.to_string()),
    };
    let token = Unverified::parse_within(statement, MAX_BYTES).map_err(|error| unreadable(error.into()))?;
    let statement: Verified<Statement> = trusted.verify(&token, TYP).map_err(unreadable)?;
    if !allowed.contains(&token.algorithm()) {
        return Err(invalid("not an algorithm of the security profile"));
    }
    let Statement { exp, nbf, mut members } = statement.into_claims();
    if exp.is_some_and(|exp| exp.timestamp() <= now) || nbf.is_some_and(|nbf| nbf.timestamp() > now) {
        return Err(invalid("it has expired, or is not good yet"));
    }
    // Who is registered under which name and secret, is between the client and us.
    for name in ["software_statement", "client_id", "client_secret"] {
        if members.remove(name).is_some() {
            return Err(invalid(format!("it has a {name}")));
        }
    }
    serde_json::from_value(Value::Object(members)).map_err(|_| invalid("a member of the wrong type"))
}

fn unapproved(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::UnapprovedSoftwareStatement, description)
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(ErrorCode::InvalidSoftwareStatement, "The software statement is not acceptable.").because(detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::jwt::{SigningKey, public_jwks};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn rfc7591_2_3_it_is_somebodys_who_is_trusted_and_of_now() {
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let (other, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let keys: Value = serde_json::from_slice(&public_jwks([key.public_jwk()])).unwrap();
        let trusted = TrustedIssuers::parse(&serde_json::to_vec(&json!({ "https://bank.example": keys })).unwrap());
        let trusted = trusted.unwrap();
        let read = |key: &SigningKey, typ: &str, claims: Value| {
            believe(&trusted, key.sign(typ, &claims).unwrap().expose(), &Algorithm::ALL, NOW)
        };
        let code = |key: &SigningKey, claims: Value| read(key, "JWT", claims).unwrap_err().code;
        let good = json!({"iss": "https://bank.example", "client_name": "Said", "iat": 1, "jti": "x"});
        assert_eq!(read(&key, "JWT", good.clone()).unwrap().client_name.as_deref(), Some("Said"));
        assert_eq!(code(&other, good.clone()), ErrorCode::InvalidSoftwareStatement);
        assert!(read(&key, "at+jwt", good.clone()).is_err());
        for issuer in [json!("https://evil.example"), Value::Null, json!(1)] {
            let mut claims = good.clone();
            claims["iss"] = issuer;
            assert!(read(&key, "JWT", claims).is_err());
        }
        for (name, value) in [
            ("exp", json!(NOW.seconds())),
            ("nbf", json!(NOW.seconds() + 1)),
            ("client_id", json!("x")),
            ("client_secret", json!("x")),
            ("software_statement", json!("x")),
            ("redirect_uris", json!("x")),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            assert_eq!(code(&key, claims), ErrorCode::InvalidSoftwareStatement, "{name}");
        }
        let nobody = believe(&TrustedIssuers::default(), "a.b.c", &Algorithm::ALL, NOW);
        assert_eq!(nobody.unwrap_err().code, ErrorCode::UnapprovedSoftwareStatement);
        for bad in ["[]", "{\"x\": 1}", "{\"x\": {\"keys\": []}}", ""] {
            assert!(TrustedIssuers::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
