//! The access token as a JWT [RFC 9068].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::confirmation::Confirmation;
use super::jwt::{AcceptedTyp, Audience};
use super::token_exchange::Actor;

/// `typ` [RFC 9068 §2.1]: an ID token can never pass for an access token, nor the other way round.
pub const TYP: &str = "at+jwt";
pub const AT_JWT: AcceptedTyp = AcceptedTyp::Exactly(TYP);

/// The longest that is issued, and that is read where one is given back or asked about. Few servers take more than this
/// in all the fields of a request.
pub const LONGEST: usize = 8192;

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    /// Together with a proof [RFC 9449 §7.1].
    Dpop,
}

/// The claims of an access token [RFC 9068 §2.2], dates in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    pub iss: String,
    /// Us, or the servers that were named [RFC 8707 §2].
    pub aud: Audience,
    pub sub: String,
    pub client_id: String,
    pub exp: i64,
    pub iat: i64,
    /// Names the token for revocation and the audit trail.
    pub jti: String,
    /// Space-separated [RFC 8693 §4.2].
    pub scope: String,
    /// [RFC 9396 §9.1]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Value>,
    /// What goes along with each use [RFC 9449 §6.1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts for the subject [RFC 8693 §4.1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// Who may be let act for the subject [RFC 8693 §4.4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_act: Option<Actor>,
    /// Absent when no person is involved: a client's own token [RFC 9068 §2.2.1].
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub approved: Option<ApprovedClaims>,
}

/// What a person's approval adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedClaims {
    /// The grant that it came from, ours alone: revoking that one ends the token too.
    pub grant: String,
    pub auth_time: i64,
    pub acr: String,
    pub amr: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::id_token;
    use crate::protocol::jwt::{Algorithm, JwtError, KeySet, SigningKey, Unverified};

    fn access_token() -> AccessTokenClaims {
        AccessTokenClaims {
            iss: "https://op.example".into(),
            aud: "https://op.example".into(),
            sub: "alice".into(),
            client_id: "shop".into(),
            exp: 1_800_000_300,
            iat: 1_800_000_000,
            jti: "one".into(),
            scope: "openid profile".into(),
            authorization_details: Vec::new(),
            cnf: None,
            act: None,
            may_act: None,
            approved: Some(ApprovedClaims {
                grant: "two".into(),
                auth_time: 1_800_000_000,
                acr: "high".into(),
                amr: vec!["hwk".into()],
            }),
        }
    }

    fn read(typ: &str) -> Result<AccessTokenClaims, JwtError> {
        let (key, _) = SigningKey::generate(Algorithm::ES256).unwrap();
        let keys: KeySet = [key.verification_key().clone()].into_iter().collect();
        let token = key.sign(typ, &access_token()).unwrap();
        let token = Unverified::parse(token.expose()).unwrap();
        keys.verify(&token, Algorithm::ES256, AT_JWT).map(crate::protocol::jwt::Verified::into_claims)
    }

    #[test]
    fn rfc9068_2_2_the_claims_have_their_names() {
        assert_eq!(
            serde_json::to_value(access_token()).unwrap(),
            json!({"iss": "https://op.example", "aud": "https://op.example", "sub": "alice", "client_id": "shop",
                "exp": 1_800_000_300, "iat": 1_800_000_000, "jti": "one", "grant": "two", "scope": "openid profile",
                "auth_time": 1_800_000_000, "acr": "high", "amr": ["hwk"]})
        );
    }

    #[test]
    fn rfc9068_2_2_1_a_clients_own_token_tells_of_no_person() {
        let claims = AccessTokenClaims { approved: None, ..access_token() };
        let json = serde_json::to_value(&claims).unwrap();
        for name in ["auth_time", "acr", "amr", "grant"] {
            assert!(json.get(name).is_none(), "{name}");
        }
        assert_eq!(serde_json::from_value::<AccessTokenClaims>(json).unwrap(), claims);
    }

    #[test]
    fn rfc9449_6_1_a_bound_token_names_its_key() {
        let key = crate::protocol::jwt::Thumbprint::from_bytes([1; 32]);
        let claims = AccessTokenClaims { cnf: Some(Confirmation::Key(key)), ..access_token() };
        let json = serde_json::to_value(&claims).unwrap();
        assert_eq!(json["cnf"], json!({ "jkt": key.to_string() }));
        assert_eq!(serde_json::from_value::<AccessTokenClaims>(json).unwrap(), claims);
        // One that says something else of what it needs is not taken for one that needs nothing.
        let mut other = serde_json::to_value(access_token()).unwrap();
        other["cnf"] = json!({"kid": "x"});
        assert!(serde_json::from_value::<AccessTokenClaims>(other).is_err());
    }

    #[test]
    fn rfc9068_4_only_an_access_token_is_read_as_one() {
        assert_eq!(read(TYP).unwrap(), access_token());
        assert_eq!(read(id_token::TYP).unwrap_err(), JwtError::Typ);
    }
}
